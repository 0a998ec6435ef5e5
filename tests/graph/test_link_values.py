"""Values are evaluated across files, through objects and wrappers, and what could not be read says why."""

from __future__ import annotations

from graph.linking.corpus import Corpus
from graph.linking.environment import Environment
from graph.linking.hosts import Hosts
from graph.linking.link import RepositoryFacts
from graph.linking.names import Names
from graph.linking.outcomes import Context, Frame
from graph.linking.services import Services
from graph.linking.values import Evaluator
from graph.values import Call, Choice, Concat, Env, Format, Lit, Member, Name, Param, Unknown, Value
from tests.graph.link_facts import FileFacts, linked

ID = Unknown("a local")


def evaluated(value: Value, *files: FileFacts, at: tuple[str, str] = ("svc/app.py", ""), service: str = "") -> set[str]:
    """Every template a value may be."""
    corpus = Corpus([RepositoryFacts("r", "c", tuple(f for file in files for f in file.facts))])
    names = Names(corpus)
    services = Services(corpus)
    hosts = Hosts(corpus, services)
    evaluator = Evaluator(names, Environment(corpus, services), hosts.declared)
    frame = Frame(("r", at[0]), at[1])
    return {text.template for text, _ in evaluator.texts(value, frame, Context(service=service))}


def app() -> FileFacts:
    return FileFacts("svc/app.py").function("f", "x").say("router", name="app")


def test_format_strings_take_positional_and_named_arguments() -> None:
    value = Format("http://{host}:{}/x/{}", (Lit(8080), ID), (("host", Lit("cart")),))
    assert evaluated(value, app()) == {"http://cart:8080/x/{}"}


def test_constants_are_followed_through_relative_imports_and_re_exports() -> None:
    files = (
        app().imports("BASE", ".settings", "BASE"),
        FileFacts("svc/settings/__init__.py").imports("BASE", ".urls", "BASE"),
        FileFacts("svc/settings/urls.py").bind("BASE", Concat((Lit("http://"), Name("HOST")))).bind("HOST", Lit("pay")),
    )
    assert evaluated(Concat((Name("BASE"), Lit("/x"))), *files) == {"http://pay/x"}


def test_a_module_imported_by_absolute_name_is_found_from_any_folder_above() -> None:
    files = (app().imports("conf", "svc.conf"), FileFacts("svc/conf.py").bind("URL", Lit("http://a")))
    assert evaluated(Name("conf.URL"), *files) == {"http://a"}


def test_settings_objects_give_their_fields() -> None:
    settings = (
        FileFacts("svc/settings.py")
        .cls("Settings")
        .bind("Settings.url", Env("PAY_URL", Lit("http://pay:1")), "Settings")
        .bind("settings", Call(Name("Settings")))
        .function("get_settings")
        .say("returns", symbol="get_settings", value=Call(Name("Settings")))
    )
    files = (app().imports("s", "svc.settings", "settings").imports("get_settings", "svc.settings", "get_settings"),)
    assert evaluated(Name("s.url"), *files, settings) == {"http://pay:1"}
    assert evaluated(Member(Call(Name("get_settings")), "url"), *files, settings) == {"http://pay:1"}


def test_attributes_set_from_constructor_arguments_are_read_through_the_object() -> None:
    client = (
        FileFacts("svc/client.py")
        .cls("Client")
        .function("Client.__init__", "base")
        .bind("Client.base", Call(Member(Param(0, "base"), "rstrip"), (Lit("/"),)), "Client.__init__")
    )
    user = app().imports("Client", ".client", "Client").bind("c", Call(Name("Client"), (Lit("http://pay/"),)))
    assert evaluated(Name("c.base"), user, client) == {"http://pay"}


def test_keyword_arguments_reach_through_nested_objects() -> None:
    api = (
        FileFacts("svc/api.py")
        .cls("Req").function("Req.__init__", "url").bind("Req.url", Param(0, "url"), "Req.__init__")
        .cls("Job").function("Job.__init__", "req").bind("Job.req", Param(0, "req"), "Job.__init__")
    )  # fmt: skip
    user = app().imports("Job", "api", "Job").imports("Req", "api", "Req")
    job = Call(Name("Job"), (), (("req", Call(Name("Req"), (), (("url", Lit("http://x/y")),))),))
    assert evaluated(Member(Member(job, "req"), "url"), user, api) == {"http://x/y"}


def test_an_assignment_that_extends_the_name_replaces_what_came_before() -> None:
    file = app().bind("f.url", Lit("http://a"), "f").bind("f.url", Concat((Name("url"), Lit("/b"))), "f")
    assert evaluated(Name("url"), file, at=("svc/app.py", "f")) == {"http://a/b"}


def test_an_empty_property_is_filled_later_but_an_empty_constant_is_empty() -> None:
    file = app().bind("PREFIX", Lit("")).bind("state.user", Lit(""), "f").bind("f.local", Lit(None), "f")
    at = ("svc/app.py", "f")
    assert evaluated(Concat((Name("PREFIX"), Lit("/x/"), Name("state.user"))), file, at=at) == {"/x/{}"}
    assert evaluated(Name("local"), file, at=at) == {"{}"}


def test_several_assignments_are_all_possible() -> None:
    file = app().bind("U", Lit("a")).bind("U", Lit("b"))
    assert evaluated(Choice((Name("U"), Lit("c"))), file) == {"a", "b", "c"}


def test_functions_that_call_themselves_and_names_that_mean_themselves_end() -> None:
    file = app().say("returns", symbol="f", value=Concat((Lit("x"), Call(Name("f"))))).bind("loop", Name("loop"))
    assert evaluated(Call(Name("f")), file) == {"x{}"}
    assert evaluated(Name("loop"), file) == {"{}"}


def test_a_deployed_value_wins_over_the_default_and_may_come_from_a_dotenv_file() -> None:
    compose = (
        FileFacts("compose.yaml")
        .say("service", name="svc", root="svc")
        .say("env_value", service="svc", key="PAY_URL", value=Concat((Lit("http://"), Env("PAY_URL", Lit("x")))))
    )
    dotenv = FileFacts(".env").say("env_value", service="", key="PAY_URL", value=Lit("pay:9"))
    value = Env("PAY_URL", Lit("http://default"))
    assert evaluated(value, app(), compose, dotenv, service="svc") == {"http://pay:9"}
    assert evaluated(value, app(), compose, service="svc") == {"http://x"}
    assert evaluated(value, app()) == {"http://default"}


def test_a_deployed_value_that_cannot_be_read_leaves_the_default() -> None:
    chart = (
        FileFacts("chart/web.yaml")
        .say("service", name="svc", root="svc")
        .say("env_value", service="svc", key="PAY", value=Unknown("helm template"))
    )
    assert evaluated(Env("PAY", Lit("https://paypal.com")), app(), chart, service="svc") == {"https://paypal.com"}


def test_methods_of_texts_are_known_whether_written_as_member_or_dotted_name() -> None:
    file = app().bind("URL", Lit("http://a/"))
    assert evaluated(Call(Name("URL.rstrip"), (Lit("/"),)), file) == {"http://a"}
    assert evaluated(Call(Member(Name("URL"), "removesuffix"), (Lit("/"),)), file) == {"http://a"}


def test_library_joins_and_url_objects_are_known() -> None:
    file = app().imports("urljoin", "urllib.parse", "urljoin")
    joined = Call(Name("urljoin"), (Lit("http://a"), Lit("b")))
    assert evaluated(joined, file) == {"http://a/b"}


def test_members_of_an_object_argument_come_from_the_call_that_gives_the_object() -> None:
    send = FileFacts("svc/send.js").function("send", "{ queue }")
    send.say("returns", symbol="send", value=Member(Param(0, "{ queue }"), "queue"))
    user = app().imports("send", "send", "send")
    call = Call(Name("send"), (), (("queue", Lit("orders")),))
    assert evaluated(call, send, user, at=("svc/send.js", "")) == {"orders"}


def test_default_exports_and_object_members_of_scripts_are_found() -> None:
    files = (
        FileFacts("web/a.ts").function("go").imports("cfg", "./config", "default").imports("api", "./api.js", "api"),
        FileFacts("web/config/index.ts").bind("default", Name("config")).bind("config.url", Lit("http://o")),
        FileFacts("web/api.ts").bind("api", Lit("/api")),
    )
    assert evaluated(Name("api"), *files, at=("web/a.ts", "go")) == {"/api"}
    assert evaluated(Name("cfg.url"), *files, at=("web/a.ts", "go")) == {"http://o"}


def test_a_hostile_value_ends_within_its_budget() -> None:
    file = app()
    for number in range(40):
        file.bind(f"v{number}", Concat((Name(f"v{number + 1}"), Name(f"v{number + 1}"))))
    assert all("{}" in text for text in evaluated(Name("v0"), file))


def test_a_field_of_a_parameter_is_asked_of_the_callers_that_make_the_object() -> None:
    event = (
        FileFacts("svc/app.py")
        .cls("Event")
        .bind("Event.kind", Param(0, "kind"), "Event.__init__")
        .function("publish", "event")
        .say("typed", target="publish.event", type="Event")
        .say(
            "publish",
            broker="kafka",
            topic=Concat((Lit("orders."), Member(Param(0, "event"), "kind"))),
            symbol="publish",
        )
        .function("paid")
        .say("call", symbol="paid", callee=Name("publish"), args=(Call(Name("Event"), (Lit("paid"),)),))
        .say("call", symbol="paid", callee=Name("publish"), args=(Call(Name("Event"), (), (("kind", Lit("sent")),)),))
    )
    data = linked(FileFacts("svc/Dockerfile").say("service", name="svc", sort="image", root="svc"), event)
    assert {n.key[-1] for n in data.nodes.values() if n.kind == "Topic"} == {"orders.paid", "orders.sent"}
