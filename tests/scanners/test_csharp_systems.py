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


def edges(data: GraphData, kind: str) -> set[tuple[str, str]]:
    """(source label, target label) of every edge of a kind."""
    return {(data.nodes[e.source].label, data.nodes[e.target].label) for e in data.edges.values() if e.kind == kind}


def test_a_service_answers_below_its_path_base() -> None:
    compose = """
services:
  web: { build: ./web }
  gateway: { build: ./gateway }
  basket: { build: ./basket, environment: { PATH_BASE: /basket-api } }
"""
    routes = (
        '{ "ReverseProxy": { "Routes": { "b": { "ClusterId": "b", "Match": { "Path": "/b/{**rest}" }, "Transforms": ['
    )
    routes += '{ "PathRemovePrefix": "/b" }, { "PathPrefix": "/basket-api" }] } },'
    routes += ' "Clusters": { "b": { "Destinations": { "one": { "Address": "http://basket" } } } } } }'
    project = '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>'
    basket = """
var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
var pathBase = builder.Configuration["PATH_BASE"];
if (!string.IsNullOrEmpty(pathBase)) app.UsePathBase(pathBase);
app.MapGet("/items/{id}", (int id) => id);
app.Run();
"""
    web = """
var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
app.MapGet("/", (HttpClient http) => http.GetStringAsync("http://gateway/b/items/1"));
app.Run();
"""
    data = graph(
        {
            "compose.yaml": compose,
            "gateway/gateway.csproj": project,
            "gateway/Program.cs": "WebApplication.CreateBuilder(args).Build().Run();",
            "gateway/appsettings.json": routes,
            "basket/basket.csproj": project,
            "basket/Program.cs": basket,
            "web/web.csproj": project,
            "web/Program.cs": web,
        }
    )
    assert ("gateway:ANY /b/**", "basket:GET /items/{}") in edges(data, "ROUTES_TO")
    assert ("web/Program.cs::MapGet /", "basket:GET /items/{}") in edges(data, "CALLS")


def test_a_method_of_an_interface_gives_what_its_implementation_gives() -> None:
    bus = """
namespace Shop;

public record OrderPlaced(int Id);

public interface INames { string Of<T>(); }

public class Names : INames { public string Of<T>() => typeof(T).Name; }

public class Bus
{
    private readonly INames _names;

    public Bus(INames names) { _names = names; }

    public void Send<T>(T message) => _channel.BasicPublish("shop", _names.Of<T>(), null, message);
}
"""
    program = """
using RabbitMQ.Client;
using Shop;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton<INames, Names>();
builder.Services.AddSingleton<Bus>(services =>
{
    var names = services.GetRequiredService<INames>();
    return new Bus(names);
});
var app = builder.Build();
app.MapPost("/orders", (Bus bus) => bus.Send<OrderPlaced>(new OrderPlaced(1)));
app.Run();
"""
    data = graph(
        {
            "compose.yaml": 'services:\n  shop: { build: ./shop }\n  rabbitmq: { image: "rabbitmq:3" }\n',
            "shop/shop.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>',
            "shop/Bus.cs": "using RabbitMQ.Client;\n" + bus,
            "shop/Program.cs": program,
        }
    )
    assert ("PUBLISHES", "shop", "rabbitmq:OrderPlaced") in messages(data)


def test_programs_that_tests_refer_to_are_services_and_so_is_one_that_only_routes() -> None:
    project = '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>'
    tests = '<Project Sdk="Microsoft.NET.Sdk"><ItemGroup><PackageReference Include="xunit" Version="2.8.1" />'
    tests += '<ProjectReference Include="..\\Orders\\Orders.csproj" /></ItemGroup></Project>'
    routes = '{ "Routes": [{ "UpstreamPathTemplate": "/api/Orders/{rest}", "DownstreamPathTemplate": "/Orders/{rest}", '
    routes += '"ServiceName": "Orders", "UpstreamHttpMethod": ["Get"] }] }'
    data = graph(
        {
            "Gateway/Gateway.csproj": project,
            "Gateway/ocelot.json": routes,
            "Gateway/Properties/launchSettings.json": '{ "profiles": { "Gateway": { "commandName": "Project", '
            '"applicationUrl": "http://localhost:8099" } } }',
            "Orders/Orders.csproj": project,
            "Orders/OrdersController.cs": '[ApiController]\n[Route("[controller]")]\npublic class OrdersController\n{\n'
            '    [HttpGet("{id}")]\n    public Order Get(int id) => new();\n}\n',
            "Orders.Test/Orders.Test.csproj": tests,
            "Portal/Portal.csproj": project,
            "Portal/Program.cs": "var app = WebApplication.CreateBuilder(args).Build();\n"
            'app.MapGet("/", (HttpClient http) => http.GetStringAsync("http://localhost:8099/api/orders/1"));\n',
        }
    )
    assert {n.label for n in data.nodes.values() if n.kind == "Service"} == {"Gateway", "Orders", "Portal"}
    assert ("Portal/Program.cs::MapGet /", "Orders:GET /Orders/{}") in edges(data, "CALLS")


_SENDER = """
namespace Portal;

public static class Where { public static string Coupons { get; set; } }

public enum Verb { GET, POST }

public class Ask { public Verb Verb { get; set; } = Verb.GET; public string Url { get; set; } }

public interface ISender { Task<Answer> SendAsync(Ask ask); }

public class Sender(IHttpClientFactory factory) : ISender
{
    public async Task<Answer> SendAsync(Ask ask)
    {
        HttpClient client = factory.CreateClient("any");
        HttpRequestMessage message = new();
        message.RequestUri = new Uri(ask.Url);
        switch (ask.Verb)
        {
            case Verb.POST: message.Method = HttpMethod.Post; break;
            default: message.Method = HttpMethod.Get; break;
        }
        var answer = await client.SendAsync(message);
        return JsonSerializer.Deserialize<Answer>(await answer.Content.ReadAsStringAsync());
    }
}
"""
_COUPONS = """
namespace Portal;

public class Coupons(ISender sender)
{
    public Task<Answer> Add(Coupon one) =>
        sender.SendAsync(new Ask { Verb = Verb.POST, Url = Where.Coupons + "/api/coupons" });

    public Task<Answer> All() => sender.SendAsync(new Ask { Url = Where.Coupons + "/api/coupons" });
}
"""
_PORTAL = """
using Portal;

var builder = WebApplication.CreateBuilder(args);
Where.Coupons = builder.Configuration["Urls:Coupons"];
builder.Services.AddScoped<ISender, Sender>();
var app = builder.Build();
app.MapPost("/coupons", (Coupons coupons, Coupon one) => coupons.Add(one));
app.Run();
"""


def test_a_request_described_by_an_object_is_what_its_callers_describe() -> None:
    project = '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>'
    served = "var app = WebApplication.CreateBuilder(args).Build();\n"
    served += 'app.MapPost("/api/coupons", (Coupon one) => 1);\napp.MapGet("/api/coupons", () => new[] { 1 });\n'
    data = graph(
        {
            "compose.yaml": "services:\n"
            "  portal: { build: ./portal, environment: { Urls__Coupons: 'http://coupons' } }\n"
            "  coupons: { build: ./coupons }\n",
            "portal/portal.csproj": project,
            "portal/Sender.cs": _SENDER,
            "portal/Coupons.cs": _COUPONS,
            "portal/Program.cs": _PORTAL,
            "coupons/coupons.csproj": project,
            "coupons/Program.cs": served,
        }
    )
    assert {e for e in edges(data, "CALLS") if e[1].startswith("coupons:")} == {
        ("portal/Coupons.cs::Coupons.Add", "coupons:POST /api/coupons"),
        ("portal/Coupons.cs::Coupons.All", "coupons:GET /api/coupons"),
    }


_SLICES = """
namespace Social;

public interface IEndpoint { void MapEndpoint(IEndpointRouteBuilder app); }

public static class EndpointExtensions
{
    public static IApplicationBuilder MapEndpoints(this WebApplication app, RouteGroupBuilder? group = null)
    {
        IEnumerable<IEndpoint> endpoints = app.Services.GetRequiredService<IEnumerable<IEndpoint>>();
        IEndpointRouteBuilder builder = group is null ? app : group;
        foreach (IEndpoint endpoint in endpoints)
        {
            endpoint.MapEndpoint(builder);
        }
        return app;
    }
}

public class Followers : IEndpoint
{
    public void MapEndpoint(IEndpointRouteBuilder app) => app.MapGet("users/{id}/followers", (Guid id) => id);
}
"""
_SOCIAL = """
using Social;

var app = WebApplication.CreateBuilder(args).Build();
var versions = app.NewApiVersionSet().HasApiVersion(new ApiVersion(1)).Build();
RouteGroupBuilder group = app.MapGroup("api/v{version:apiVersion}").WithApiVersionSet(versions);
app.MapEndpoints(group);
app.Run();
"""


def test_endpoints_that_classes_of_an_interface_map_are_served_under_the_group_they_are_given() -> None:
    data = graph(
        {
            "compose.yaml": "services:\n  social: { build: ./social }\n",
            "social/social.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>',
            "social/Slices.cs": _SLICES,
            "social/Program.cs": _SOCIAL,
        }
    )
    assert {n.label for n in data.nodes.values() if n.kind == "Endpoint"} == {"social:GET /api/v1/users/{}/followers"}
