"""The failed runs diagnosis and repair are measured on: commits, disturbances and seeds of both samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evals.seeding import CALM, Disturbance, Edit, Sample, Seed, Trial, execute, seeded
from fixtures.build import history
from graph.runs import Run

NOWHERE = "127.0.0.1:1"
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class FailedRun:
    """One failed run with what is known to be true of it.

    Args:
        name: of the case.
        made: the sample.
        truth: the right class.
        base: 40 hex of the last green revision.
        head: 40 hex of what ran.
        disturbance: of the surroundings.
        culprit: commit that is to blame, or empty.
        attempts: how often it ran on the same revision.
    """

    name: str
    made: Sample
    truth: str
    base: str
    head: str
    disturbance: Disturbance = CALM
    culprit: str = ""
    attempts: int = 1

    def green(self) -> Run:
        """The run of the base with its own flows."""
        return execute(Trial(self.made, self.base))

    def runs(self) -> tuple[Run, ...]:
        """The runs of the head; several only when it is about flakiness."""
        return tuple(execute(Trial(self.made, self.head, self.disturbance, again=n)) for n in range(self.attempts))


def failed_runs(made: Sample) -> Iterator[FailedRun]:
    """Every case of a sample.

    Args:
        made: the sample.
    """
    yield from bugs(made)
    yield from stale(made)
    yield from surroundings(made)
    yield from flaky(made)
    yield from wrong_tests(made)


def bugs(made: Sample) -> Iterator[FailedRun]:
    """Each bug on top of the whole history, compared with its very first commit.

    Args:
        made: the sample.
    """
    for commit in history(made.system).bugs:
        head = made.hashes[f"bug/{commit.id}"]
        yield FailedRun(
            f"{made.system}/bug/{commit.id}", made, "product regression", made.hashes["base"], head, culprit=head
        )


def stale(made: Sample) -> Iterator[FailedRun]:
    """Each intended change with the flows from before it.

    Args:
        made: the sample.
    """
    before = "base"
    for commit in history(made.system).main:
        if commit.kind == "intended":
            head = made.hashes[f"stale/{commit.id}"]
            base = made.hashes[before]
            yield FailedRun(f"{made.system}/stale/{commit.id}", made, "contract change", base, head, culprit=head)
        before = commit.id


_DISTURBED: dict[str, tuple[Disturbance, ...]] = {
    "shop": (
        Disturbance("orders is down", dead=("orders",)),
        Disturbance("payments is down", dead=("payments",)),
        Disturbance("orders looks for payments elsewhere", env={"orders": {"PAYMENTS_PORT": "1"}}),
        Disturbance("payments has no name", env={"orders": {"PAYMENTS_HOST": "payments.invalid"}}),
        Disturbance("payments without database", env={"payments": {"DATABASE_URL": f"postgresql://x@{NOWHERE}/shop"}}),
        Disturbance("orders without database", env={"orders": {"DATABASE_URL": f"postgresql://x@{NOWHERE}/shop"}}),
        Disturbance("orders without cache", env={"orders": {"REDIS_URL": f"redis://{NOWHERE}/0"}}),
        Disturbance(
            "wrong URL", variables={"ORDERS_URL": f"http://{NOWHERE}", "ORDER_SERVICE_URL": f"http://{NOWHERE}"}
        ),
        Disturbance("database down for flows", variables={"DATABASE_URL": f"postgresql://x@{NOWHERE}/shop"}),
    ),
    "depot": (
        Disturbance("inventory is down", dead=("inventory",)),
        Disturbance("dispatch is down", dead=("dispatch",)),
        Disturbance(
            "dispatch looks for inventory elsewhere", env={"dispatch": {"INVENTORY_BASE": f"http://{NOWHERE}"}}
        ),
        Disturbance("inventory has no name", env={"dispatch": {"INVENTORY_BASE": "http://inventory.invalid"}}),
        Disturbance("inventory without database", env={"inventory": {"DB_DSN": f"postgresql://x@{NOWHERE}/depot"}}),
        Disturbance("dispatch without database", env={"dispatch": {"DB_DSN": f"postgresql://x@{NOWHERE}/depot"}}),
        Disturbance("wrong URL", variables={"DISPATCH_BASE": f"http://{NOWHERE}"}),
    ),
}


def surroundings(made: Sample) -> Iterator[FailedRun]:
    """The newest good commit in failing surroundings, beside a range of innocent commits.

    Args:
        made: the sample.
    """
    past = history(made.system).main
    head = made.hashes[past[-1].id]
    for disturbance in _DISTURBED[made.system]:
        name = f"{made.system}/environment/{disturbance.name}"
        yield FailedRun(name, made, "environment", made.hashes["base"], head, disturbance)


_SHAKY: dict[str, tuple[Edit, ...]] = {
    "shop": (
        Edit(
            "services/orders/orders/routes/orders.py",
            "    product = find_product(wanted.product_id)\n",
            "    product = find_product(wanted.product_id)\n"
            '    if uuid4().int % 4 == 0:\n        raise HTTPException(503, "try again")\n',
        ),
        Edit(
            "services/notifications/notifications/messages.py",
            '    return f"Thank you!',
            '    import time\n\n    time.sleep(time.time_ns() // 1000 % 2 * 12)\n    return f"Thank you!',
        ),
    ),
    "depot": (
        Edit(
            "apps/inventory/app.py",
            "    hold_row = db.one_row(",
            "    import random\n\n    if random.random() < 0.25:\n"
            '        return {"message": "busy"}, 503\n    hold_row = db.one_row(',
        ),
    ),
}


def flaky(made: Sample) -> Iterator[FailedRun]:
    """Code that fails now and then, run several times on the same revision.

    Args:
        made: the sample.
    """
    past = history(made.system).main
    newest = made.hashes[past[-1].id]
    for number, edit in enumerate(_SHAKY[made.system]):
        head = seeded(made, newest, [Seed(f"flaky {number}", "Try something", (edit,))])[-1]
        yield FailedRun(f"{made.system}/flaky/{number}", made, "flaky", newest, head, attempts=ATTEMPTS)


_WRONG: dict[str, tuple[Edit, ...]] = {
    "shop": (
        Edit("flows/order_is_paid.yaml", "body.total == 36", "body.total == 63"),
        Edit("flows/payments_charge.yaml", 'body.error == "order_id is missing"', 'body.error == "order_id missing"'),
        Edit("flows/order_lookup.yaml", 'body.product_id == "SKU-100"', 'body.product_id == "SKU-101"'),
    ),
    "depot": (
        Edit("flows/parcel-holds-stock.yaml", "body.weight_g == 3400", "body.weight_g == 340"),
        Edit("flows/parcel-recalled.yaml", "body.weight_g == 4600", "body.weight_g == 2300"),
    ),
}


def wrong_tests(made: Sample) -> Iterator[FailedRun]:
    """A flow edited to ask for what was never promised, the product untouched.

    Args:
        made: the sample.
    """
    past = history(made.system).main
    newest = made.hashes[past[-1].id]
    for number, edit in enumerate(_WRONG[made.system]):
        head = seeded(made, newest, [Seed(f"wrong {number}", "Check more", (edit,))])[-1]
        yield FailedRun(f"{made.system}/test/{number}", made, "test defect", newest, head)


def really_failed(run: Run) -> tuple[str, ...]:
    """Flow files that failed, those with a malformed file left out.

    Args:
        run: a run.
    """
    return tuple(f.file for f in run.flows if f.verdict in ("failed", "error") and not f.problems)
