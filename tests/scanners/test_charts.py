"""Charts are attacks too: templates that grow, nest or include themselves end within limits, and are said."""

from __future__ import annotations

import pytest

from scanners.idioms.chart_render import OutOfBudget, Renderer, lined
from scanners.idioms.chart_template import TemplateProblem, parse
from scanners.scan import ScanRequest, scan
from tests.scanners.conftest import Repo

GROWING = {
    "a text that doubles": '{{ $x := "a" }}{{ range until 9999 }}{{ $x = printf "%s%s" $x $x }}{{ end }}{{ $x }}',
    "a list that doubles": "{{ $x := list 1 2 }}{{ range until 9999 }}{{ $x = concat $x $x }}{{ end }}{{ $x }}",
    "a map that shares its parts": (
        '{{ $x := dict "a" 1 }}{{ range until 999 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ toYaml $x }}{{ $x }}'
    ),
    "a map inside itself": '{{ $x := dict "a" 1 }}{{ $_ := set $x "b" $x }}{{ toYaml $x }}{{ $x }}',
    "a template that is its own value": '{{ $x := "{{ tpl .v . }}{{ tpl .v . }}" }}{{ tpl $x (dict "v" $x) }}',
    "templates that include each other": (
        '{{ define "a" }}{{ include "b" . }}{{ include "b" . }}{{ end }}'
        '{{ define "b" }}{{ include "a" . }}{{ include "a" . }}{{ end }}{{ include "a" . }}'
    ),
    "loops in loops": "{{ range until 9999 }}{{ range until 9999 }}x{{ end }}{{ end }}",
}


@pytest.mark.parametrize("what", sorted(GROWING))
def test_a_template_that_grows_ends_and_leaves_a_hole(what: str) -> None:
    steps = parse(GROWING[what])
    renderer = Renderer()
    renderer.declare(steps)
    ended = ""
    try:
        ended = "".join(text for text, _ in renderer.render(steps, {"Values": {}}))
    except OutOfBudget:
        return
    assert renderer.holes
    assert len(ended) < 1_000_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n{{ if .x }}\nb", 2),
        ("a\nb\n{{ end }}", 3),
        ("{{" * 100_000, 1),
        ("\n\n{{ .x | }}", 3),
        ('\n{{ "open }}', 2),
        ("{{ if .a }}" * 200, 1),
        ("{{ " + "(" * 500 + " }}", 1),
    ],
)
def test_a_broken_template_says_where(text: str, line: int) -> None:
    with pytest.raises(TemplateProblem) as caught:
        parse(text)
    assert caught.value.line == line


def test_lines_of_the_result_lead_to_lines_of_the_template() -> None:
    text = "a:\n{{- range .Values.names }}\n  - {{ . }}\n{{- end }}\nb: {{ 1 }}\n"
    pieces = Renderer().render(parse(text), {"Values": {"names": ["x", "y"]}})
    said, lines = lined(pieces)
    assert said == "a:\n  - x\n  - y\nb: 1\n"
    assert lines[:4] == [1, 3, 3, 5]


def test_templates_of_a_chart_say_nothing_before_they_are_filled_in(repo: Repo) -> None:
    template = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: '{{ .Values.name }}'}\n"
        "spec: {template: {spec: {containers: [{image: '{{ .Values.image }}'}]}}}\n"
    )
    files = {
        "chart/Chart.yaml": "name: shop\n",
        "chart/values.yaml": "name: orders\nimage: shop/orders\n",
        "chart/templates/app.yaml": template,
        "app.py": "x = 1\n",
    }
    repo.commit(files)

    before = [f.get("name") for f in scan(ScanRequest(repo.path, "HEAD")).facts if f.kind == "service"]
    repo.commit({"chart/values.yaml": "name: carts\nimage: shop/carts\n"})
    after = [f.get("name") for f in scan(ScanRequest(repo.path, "HEAD")).facts if f.kind == "service"]

    assert (before, after) == (["orders"], ["carts"])
