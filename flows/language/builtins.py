"""The names that exist in every flow, and the published table of dotted FAKER names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from flows.language.shapes import NUMBER, STRING, Shape

BUILTINS: Mapping[str, Shape] = {
    "RANDOM_ID": STRING,
    "UUID": STRING,
    "RANDOM_INT": NUMBER,
    "RANDOM_STRING": STRING,
    "TIMESTAMP": STRING,
    "ISO_TIMESTAMP": STRING,
    "TIMESTAMP_UNIX": NUMBER,
    "DATE": STRING,
    "TIME": STRING,
    "FLOW_NAME": STRING,
    "RUN_ID": STRING,
    "EXECUTION_ID": STRING,
    "FLOW_STATUS": STRING,
}

FAKER: Mapping[str, str] = {
    "address.city": "city",
    "address.country": "country",
    "address.countryCode": "country_code",
    "address.latitude": "latitude",
    "address.longitude": "longitude",
    "address.state": "state",
    "address.streetAddress": "street_address",
    "address.streetName": "street_name",
    "address.zipCode": "postcode",
    "commerce.color": "color_name",
    "commerce.productName": "catch_phrase",
    "company.catchPhrase": "catch_phrase",
    "company.name": "company",
    "date.future": "future_date",
    "date.past": "past_date",
    "finance.bic": "swift",
    "finance.creditCardNumber": "credit_card_number",
    "finance.currencyCode": "currency_code",
    "finance.iban": "iban",
    "internet.domainName": "domain_name",
    "internet.email": "email",
    "internet.ip": "ipv4",
    "internet.ipv6": "ipv6",
    "internet.mac": "mac_address",
    "internet.password": "password",
    "internet.url": "url",
    "internet.userAgent": "user_agent",
    "internet.userName": "user_name",
    "internet.username": "user_name",
    "job.title": "job",
    "lorem.paragraph": "paragraph",
    "lorem.sentence": "sentence",
    "lorem.text": "text",
    "lorem.word": "word",
    "name.firstName": "first_name",
    "name.fullName": "name",
    "name.jobTitle": "job",
    "name.lastName": "last_name",
    "name.name": "name",
    "name.prefix": "prefix",
    "name.suffix": "suffix",
    "person.firstName": "first_name",
    "person.fullName": "name",
    "person.lastName": "last_name",
    "phone.number": "phone_number",
    "phone.phoneNumber": "phone_number",
    "phoneNumber.phoneNumber": "phone_number",
    "random.boolean": "boolean",
    "random.number": "random_int",
    "random.uuid": "uuid4",
}


def faker_provider(name: str) -> str | None:
    """The Faker method behind ``FAKER.<name>``; None when there is none.

    Args:
        name: a dotted common name of the table, or a provider method of the Faker library (``first_name``).
    """
    if name in FAKER:
        return FAKER[name]
    if "." in name or name.startswith("_"):
        return None
    return name if name in _methods() else None


def faker_names() -> tuple[str, ...]:
    """Every name that :func:`faker_provider` knows."""
    return (*FAKER, *sorted(_methods()))


@cache
def _methods() -> frozenset[str]:
    """Methods of the Faker library's default providers; importing it takes a while, so only when asked."""
    from faker import Faker

    fake = Faker()
    names = {name for provider in fake.get_providers() for name in dir(provider) if not name.startswith("_")}
    return frozenset(names - {"seed_instance", "random", "generator", "add_provider", "del_arguments"})
