"""A secret is recognised however it is written, and in whatever pieces it comes."""

from __future__ import annotations

import io
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.canary.forms import ENCODINGS, left
from flows.engine.masked_stream import MaskedStream
from flows.engine.masking import Masks
from flows.language.masked_text import MASK, NUMBER_MASK

SECRETS = (
    "s3cr3t-Value/with+signs&more=1",
    "p4ss \"word\" 'quoted' <x>&y",
    "back\\slash$dollar%percent{}",
    "päßwörd-mit-ümläuten-é",
    "plainAlphanumeric0123456789",
    "hunter2!",
)


def known(*values: str) -> Masks:
    masks = Masks()
    for value in values:
        masks.learn(value, named=True)
    return masks


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_masked(name: str, secret: str) -> None:
    text = f"before [{ENCODINGS[name](secret)}] after"
    masked = known(secret).text(text)
    assert MASK in masked
    assert left(masked, secret) == []
    assert masked.startswith("before [")
    assert masked.endswith("] after")


@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=20), st.sampled_from(sorted(ENCODINGS)))
@settings(max_examples=100)
def test_any_secret_is_masked_in_any_encoding(secret: str, name: str) -> None:
    text = ENCODINGS[name](secret)
    assert text not in known(secret).text(f"<{text}>")


@given(
    st.lists(st.sampled_from(SECRETS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(sorted(ENCODINGS)), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
@settings(max_examples=80)
def test_pieces_of_any_size_give_what_the_whole_gives(
    secrets: list[str], names: list[str], random: random.Random
) -> None:
    whole = "\n".join(f"line {name}: {ENCODINGS[name](secret)}" for name in names for secret in secrets) + "\nend\n"
    masks, out = known(*secrets), io.StringIO()
    stream = MaskedStream(out, masks)
    place = 0
    while place < len(whole):
        size = random.choice((1, 1, 2, 3, 7, 30))
        stream.write(whole[place : place + size])
        stream.flush()
        assert not any(left(out.getvalue(), secret) for secret in secrets)
        place += size
    stream.close()
    assert out.getvalue() == masks.text(whole)


def test_a_stream_holds_back_no_more_than_the_beginning_of_a_secret() -> None:
    out = io.StringIO()
    stream = MaskedStream(out, known("s3cr3t-value"))
    stream.write("three lines\nof text\nand s3c")
    assert out.getvalue() == "three lines\nof text\nand "
    stream.write("ret: another word\n")
    assert out.getvalue() == "three lines\nof text\nand s3cret: another word\n"


def test_a_long_key_is_masked_in_pieces_too() -> None:
    key = "".join(random.Random(1).choices("abcdefghijkl/+", k=1_700))
    out = io.StringIO()
    stream = MaskedStream(out, known(key))
    for place in range(0, 1_700, 100):
        stream.write(key[place : place + 100])
        assert out.getvalue() == ""
    stream.close()
    assert out.getvalue() == MASK


def test_lines_of_a_key_file_are_secrets_of_their_own() -> None:
    masks = known("-----BEGIN KEY-----\nc2VjcmV0LWxpbmUtb25l\nc2VjcmV0LWxpbmUtdHdv\n-----END KEY-----\n")
    assert masks.text("read c2VjcmV0LWxpbmUtdHdv") == f"read {MASK}"
    assert masks.text("-----BEGIN KEY-----") == "-----BEGIN KEY-----"


def test_secrets_as_numbers_and_names_of_fields_are_masked() -> None:
    masks = known("90210441", "the-hidden-name")
    assert masks.evidence({"pin": 90210441, "n": 1, "the-hidden-name": True}) == {
        "pin": NUMBER_MASK,
        "n": 1,
        MASK: True,
    }


def test_what_holds_no_secret_is_given_back_as_it_is() -> None:
    value = {"a": [1, {"b": "text"}], "c": None}
    assert known("s3cr3t-value").evidence(value) is value


def test_a_secret_of_any_length_is_masked() -> None:
    key = "".join(random.Random(2).choices("abcdefghijkl/+é", k=20_000))
    masks = known(key)
    assert set(masks.text(f"<{key}>")) == set("<*>")
    assert set(masks.text(f"<{ENCODINGS['url'](key)}>")) == set("<*>")


def test_many_secrets_do_not_make_masking_slow() -> None:
    masks = known(*(f"t0ken-{number:06d}-of-many" for number in range(60)))
    body = {f"field{number}": {"name": "a cup of tea", "url": "http://host/a?b=c&d=e"} for number in range(20)}
    masks.evidence(body)
    started = time.process_time()
    for _ in range(100):
        assert masks.evidence(body) is body
    assert time.process_time() - started < 0.5


def test_cookies_keep_what_is_no_secret() -> None:
    headers = {
        "set-cookie": "sid=abc,d; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly, theme=dark; Path=/",
        "headers_all": {"Set-Cookie": ["sid=abc; Secure", "b=c"]},
    }
    assert Masks().evidence(headers) == {
        "set-cookie": "sid=***; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly, theme=***; Path=/",
        "headers_all": {"Set-Cookie": ["sid=***; Secure", "b=***"]},
    }


def test_private_keys_are_masked_wherever_they_stand() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
    masks = Masks()
    assert masks.request({"tls": {"key": key, "cert": "c.pem"}}) == {"tls": {"key": MASK, "cert": "c.pem"}}
    assert masks.text("line MIIEpAIBAAKCAQEA") == f"line {MASK}"
    assert Masks().evidence({"body": f"x {key[:60]}"}) == {"body": f"x {MASK}"}


def test_the_beginning_of_a_secret_at_the_end_of_a_shortened_text_is_masked() -> None:
    masks = known("s3cr3t-Value/with+signs&more=1")
    for shortened in ("s3cr3t-Val...", "s3cr3t-Value%2Fwi…", "s3cr3t-Value\\/with+si\\u00...", "czNjcjN0LVZhbH..."):
        assert masks.text(f"left: {shortened}, right") in (f"left: {MASK}, right", f"left: {MASK}..., right")
    assert masks.text("and so on ...") == "and so on ..."
    assert masks.evidence({"a": ["s3cr3t-Val..."]}) == {"a": [MASK]}


@pytest.mark.parametrize(
    ("secrets", "text"),
    [
        (("abcdefgh", "efghijkl"), "abcdefghijkl"),
        (("secret-one", "one-secret-two"), "secret-one-secret-two"),
        (("abcabcab",), "abcabcabcabcab"),
        (("ab1defgh", "1def", "efghijkl"), "ab1defghijkl"),
        (("password", "password123!"), "password123!"),
    ],
)
def test_secrets_that_overlap_leave_nothing_between_them(secrets: tuple[str, ...], text: str) -> None:
    masks, out = known(*secrets), io.StringIO()
    assert masks.text(f"<{text}>") == f"<{MASK}>"
    stream = MaskedStream(out, masks)
    for char in f"<{text}>":
        stream.write(char)
    stream.close()
    assert out.getvalue() == f"<{MASK}>"


@pytest.mark.timeout(30)
def test_a_long_key_makes_a_text_full_of_another_secret_no_slower() -> None:
    masks = known("Tok3n-abc123", "k9" * 900)
    assert masks.text("some Tok3n-abc123 words\n" * 20_000) == f"some {MASK} words\n" * 20_000


def test_a_secret_without_end_is_not_held_back_for_ever() -> None:
    out = io.StringIO()
    stream = MaskedStream(out, known("aaaaaaaa"))
    for _ in range(100):
        stream.write("a" * 100)
    assert set(out.getvalue()) == set(MASK)
    stream.close()
    assert set(out.getvalue()) == set(MASK)


def test_a_short_secret_is_no_word_in_another_case() -> None:
    assert known("pass").text("PASS, passed, Pass, pass") == f"PASS, passed, Pass, {MASK}"
    assert known("Tr0ub4dor&3").text("tr0ub4dor&3 TR0UB4DOR&3") == f"{MASK} {MASK}"


def test_a_character_of_four_bytes_may_come_in_pieces() -> None:
    secret = "emoji😀secret😀"
    for written in ("emoji\\U0001f600secret\\U0001f600", "emoji=\n=F0=9F=98=80secret=F0=9F=\n=98=80"):
        out = io.StringIO()
        stream = MaskedStream(out, known(secret))
        for char in f"<{written}>":
            stream.write(char)
        stream.close()
        assert out.getvalue() == f"<{MASK}>"


def test_the_first_half_of_a_secret_is_masked_and_what_may_be_a_word_is_not() -> None:
    masks = known("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "notifications-2024", "https://h.test/T00/B00/Xyyyy123")
    assert masks.text("cut sk_live_4eC39HqLy, sk_live_4eC") == f"cut {MASK}, sk_live_4eC"
    assert (
        masks.text("GET /notifications?a=1 at https://h.test/T00/other")
        == "GET /notifications?a=1 at https://h.test/T00/other"
    )


def test_parts_of_a_secret_are_masked_where_it_stood_in_an_address_as_it_was() -> None:
    masks = known("Xk9vTqLm+Zr7/wBn8=2Hd0", "admin:warehouse")
    assert (
        masks.text("port could not be cast: 'Xk9vTqLm+Zr7', path wBn8=2Hd0")
        == f"port could not be cast: '{MASK}', path {MASK}"
    )
    assert masks.text("GET /warehouse") == "GET /warehouse"


def test_a_secret_that_is_a_word_is_masked_as_a_word() -> None:
    whole = "testmesh says 'test' in latest tests, test_out=test"
    masked = f"testmesh says '{MASK}' in latest tests, test_out={MASK}"
    assert known("test").text(whole) == masked
    for size in (1, 2, 5):
        out = io.StringIO()
        stream = MaskedStream(out, known("test"))
        for place in range(0, len(whole), size):
            stream.write(whole[place : place + size])
        stream.close()
        assert out.getvalue() == masked
    assert known("t3st").text("lat3st") == f"la{MASK}"
