"""The line of one's own code in a stack trace, in the five forms that services print."""

from __future__ import annotations

import pytest

from testmesh.kernel.stacks import blamed, where

PYTHON = """Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/flask/app.py", line 880, in full
    rv = self.dispatch()
         ^^^^^^^^^^^^^^^
  File "/srv/orders/payments.py", line 31, in refund
    return response.json()["amount"]
  File "/usr/lib/python3.11/json/decoder.py", line 7, in get
    raise KeyError(key)
KeyError: 'amount'"""
NODE = """TypeError: Cannot read properties of undefined (reading 'id')
    at Object.get (/srv/node_modules/express/lib/router.js:4:2)
    at place (/srv/shop/src/orders.ts:41:13)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""
JAVA = """java.lang.IllegalStateException: no stock
\tat java.base/java.util.Objects.requireNonNull(Objects.java:233)
\tat com.shop.OrderService.place(OrderService.java:41)
\tat org.springframework.web.Servlet.service(Servlet.java:9)"""
DOTNET = """System.InvalidOperationException: no stock
   at System.Linq.Enumerable.First[T](IEnumerable`1 source)
   at Shop.Orders.Place(Order order) in /src/Shop/Orders.cs:line 41
   at Microsoft.AspNetCore.Mvc.Run() in /_/src/Mvc.cs:line 9"""
GO = """panic: runtime error: index out of range [3]

goroutine 7 [running]:
shop/orders.(*Store).Take(0x0)
\t/srv/shop/orders/store.go:41 +0x1d
net/http.HandlerFunc.ServeHTTP(0x0)
\t/usr/local/go/src/net/http/server.go:2136 +0x29"""


@pytest.mark.parametrize(
    ("trace", "error", "frame", "place"),
    [
        (PYTHON, 8, 4, "/srv/orders/payments.py:31"),
        (NODE, 0, 2, "/srv/shop/src/orders.ts:41"),
        (JAVA, 0, 2, "OrderService.java:41"),
        (DOTNET, 0, 2, "/src/Shop/Orders.cs:41"),
        (GO, 0, 4, "/srv/shop/orders/store.go:41"),
    ],
    ids=["python", "node", "java", "dotnet", "go"],
)
def test_the_innermost_own_frame_is_found(trace: str, error: int, frame: int, place: str) -> None:
    lines = ["INFO ready", "", *trace.splitlines(), "INFO GET /health"]
    assert blamed(lines, error + 2) == frame + 2
    assert where(trace) == place


def test_lines_without_a_trace_blame_nobody() -> None:
    assert blamed(["one", "ERROR two", "three", "four", "five", "six", '  File "a.py", line 3'], 1) is None
    assert where("no trace at all") == ""
