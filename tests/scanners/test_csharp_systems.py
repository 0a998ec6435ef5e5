"""Small .NET systems, read and linked: what one project says is followed through the projects it builds on."""

from __future__ import annotations

from graph.facts import SourceFile
from graph.linking.link import RepositoryFacts, link
from graph.schema import GraphData
from scanners.readers import built_in

_LIBRARY = """
namespace Messaging;

public class Handler : IHandler
{
    private readonly string _queue;
    private readonly string _exchange;

    public Handler(string host, string exchange, string queue) : this([host], exchange, queue) { }

    public Handler(IEnumerable<string> hosts, string exchange, string queue)
    {
        _exchange = exchange;
        _queue = queue;
    }

    public void Start()
    {
        _channel.QueueBind(_queue, _exchange, "");
        var consumer = new EventingBasicConsumer(_channel);
        consumer.Received += Received;
        _channel.BasicConsume(_queue, false, consumer);
    }

    private void Received(object sender, BasicDeliverEventArgs delivered) { }
}

public class Publisher(string exchange) : IPublisher
{
    public void Publish(object message) => _channel.BasicPublish(exchange, "", null, message);
}
"""
_SETTINGS = """
using RabbitMQ.Client;

namespace Messaging;

public static class Settings
{
    private static string _exchange;
    private static string _queue;

    public static void AddHandler(this IServiceCollection services, IConfiguration config)
    {
        Read(config, "Handler");
        services.AddTransient<IHandler>(_ => new Handler(_host, _exchange, _queue));
    }

    public static void AddPublisher(this IServiceCollection services, IConfiguration config)
    {
        Read(config, "Publisher");
        services.AddTransient<IPublisher>(_ => new Publisher(_exchange));
    }

    private static void Read(IConfiguration config, string name)
    {
        var section = config.GetSection(name);
        _exchange = section["Exchange"];
        _queue = section["Queue"];
    }
}
"""
_COMPOSE = """
services:
  orders: { build: ./orders }
  notes: { build: ./notes }
  rabbitmq: { image: "rabbitmq:3" }
"""
_PROJECT = """<Project Sdk="Microsoft.NET.Sdk.Web"><ItemGroup>
<PackageReference Include="Shop.Messaging" Version="1.0.0" /></ItemGroup></Project>"""


def graph(files: dict[str, str]) -> GraphData:
    reader = built_in()
    facts = [fact for path, text in files.items() for fact in reader.facts(SourceFile(path, text.encode()))]
    return link([RepositoryFacts("shop", "a" * 40, tuple(facts))], "w")


def messages(data: GraphData) -> set[tuple[str, str, str]]:
    """(edge, service, topic); the service is the folder the edge starts in."""
    found = set()
    for edge in data.edges.values():
        if edge.kind in ("PUBLISHES", "CONSUMES"):
            found.add((edge.kind, data.nodes[edge.source].label.partition("/")[0], data.nodes[edge.target].label))
    return found


def test_messages_of_a_shared_package_belong_to_the_services_that_ask_for_them() -> None:
    service = "var builder = WebApplication.CreateBuilder(args);\nbuilder.Services.{}(builder.Configuration);\n"
    sender = "public class OrdersController(IPublisher publisher)\n{\n"
    sender += '    [HttpPost("/orders")]\n    public void Place() => publisher.Publish(new Placed(1));\n}\n'
    data = graph(
        {
            "compose.yaml": _COMPOSE,
            "messaging/Messaging.csproj": '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><PackageId>Shop.Messaging'
            "</PackageId></PropertyGroup></Project>",
            "messaging/Handler.cs": _LIBRARY,
            "messaging/Settings.cs": _SETTINGS,
            "orders/orders.csproj": _PROJECT,
            "orders/Dockerfile": "FROM mcr.microsoft.com/dotnet/aspnet:8.0\nCOPY . .\n",
            "orders/appsettings.json": '{ "Publisher": { "Exchange": "shop" } }',
            "orders/Program.cs": "using Messaging;\n" + service.format("AddPublisher"),
            "orders/OrdersController.cs": "using Messaging;\n[ApiController]\n" + sender,
            "notes/notes.csproj": _PROJECT,
            "notes/Dockerfile": "FROM mcr.microsoft.com/dotnet/aspnet:8.0\nCOPY . .\n",
            "notes/appsettings.json": '{ "Handler": { "Exchange": "shop", "Queue": "notes" } }',
            "notes/Program.cs": "using Messaging;\n" + service.format("AddHandler"),
        }
    )
    assert messages(data) == {("PUBLISHES", "orders", "rabbitmq:shop"), ("CONSUMES", "notes", "rabbitmq:shop")}
