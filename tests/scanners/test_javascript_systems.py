"""Routes, topics and gateways of small JavaScript systems, from their text to the graph."""

from __future__ import annotations

from collections.abc import Mapping

from graph.facts import SourceFile
from graph.linking.link import RepositoryFacts, link
from graph.schema import GraphData
from scanners.readers import built_in


def graph(files: Mapping[str, str]) -> GraphData:
    facts = tuple(f for path, text in files.items() for f in built_in().facts(SourceFile(path, text.encode())))
    return link([RepositoryFacts("shop", "c0ffee", facts)], "test")


def endpoints(files: Mapping[str, str]) -> set[str]:
    found = (n.key for n in graph(files).nodes.values() if n.kind == "Endpoint")
    return {f"{service} {method} {path}" for service, protocol, method, path in found if protocol == "http"}


def reached(files: Mapping[str, str], kind: str) -> set[str]:
    data = graph(files)
    return {":".join(data.nodes[e.target].key) for e in data.edges.values() if e.kind == kind}


def package(name: str) -> str:
    return f'{{"name": "{name}", "scripts": {{"start": "node ."}}}}'


NEST = {
    "orders/package.json": package("orders"),
    "orders/src/main.ts": (
        "import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module';\n"
        "async function start() {\n  const app = await NestFactory.create(AppModule);\n"
        "  app.setGlobalPrefix('api');\n"
        "  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });\n  await app.listen(3000);\n}\n"
    ),
    "orders/src/app.module.ts": (
        "import { Module } from '@nestjs/common';\nimport { OrdersController } from './orders';\n"
        "@Module({ controllers: [OrdersController] })\nexport class AppModule {}\n"
    ),
    "orders/src/orders.ts": (
        "import { Controller, Get, Version } from '@nestjs/common';\n@Controller('orders')\n"
        "export class OrdersController {\n  @Get(':id')\n  one() {}\n  @Get()\n  @Version('2')\n  all() {}\n}\n"
    ),
}


def test_prefixes_and_versions_come_down_the_tree_of_modules() -> None:
    assert endpoints(NEST) == {"orders GET /api/v1/orders/{}", "orders GET /api/v2/orders"}


def test_plugins_loaded_by_folder_are_served_under_their_folder() -> None:
    plugin = "export default async (fastify) => {\n  fastify.get('/:id', async () => ({ id: 1 }));\n};\n"
    files = {
        "shop/package.json": package("shop"),
        "shop/src/app.js": (
            "import Fastify from 'fastify';\nimport autoload from '@fastify/autoload';\nimport path from 'path';\n"
            "const app = Fastify();\n"
            "app.register(autoload, { dir: path.join(__dirname, 'routes'), options: { prefix: '/api' } });\n"
        ),
        "shop/src/routes/orders/index.js": plugin,
    }
    assert endpoints(files) == {"shop GET /api/orders/{}"}


def test_routers_made_by_functions_are_mounted() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/src/routes.js": (
            "import express from 'express';\nexport default function routes() {\n  const router = express.Router();\n"
            "  const orders = express.Router();\n  orders.get('/:id', one);\n"
            "  router.use('/orders', orders);\n  return router;\n}\n"
        ),
        "shop/src/index.js": (
            "import express from 'express';\nimport routes from './routes.js';\nconst app = express();\n"
            "app.use('/api', routes());\n"
        ),
    }
    assert endpoints(files) == {"shop GET /api/orders/{}"}


def test_topics_may_be_named_after_classes() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/src/bus.ts": (
            "import { snakeCase } from 'lodash';\nexport class Bus {\n  publish(event) {\n"
            ""
            "    channel.publish(snakeCase(event.constructor.name), '', Buffer.from(JSON.stringify(event)));\n"
            "  }\n}\n"
        ),
        "shop/src/orders.ts": (
            "import { Bus } from './bus';\nclass OrderPaid {}\nconst bus = new Bus();\n"
            "export function pay() {\n  bus.publish(new OrderPaid());\n}\n"
        ),
    }
    assert reached(files, "PUBLISHES") == {"rabbitmq:order_paid"}


def test_a_proxy_in_code_is_a_gateway() -> None:
    files = {
        "gateway/package.json": package("gateway"),
        "gateway/src/index.js": (
            "const express = require('express');\n"
            "const { createProxyMiddleware } = require('http-proxy-middleware');\n"
            "const app = express();\n"
            "app.use('/api/orders', createProxyMiddleware({ target: 'http://orders:3000',"
            " pathRewrite: { '^/api/orders': '/orders' } }));\n"
        ),
        "compose.yaml": "services:\n  gateway: {build: ./gateway}\n  orders: {build: ./orders}\n",
        "orders/package.json": package("orders"),
        "orders/index.js": "const app = require('express')();\napp.get('/orders/:id', (req, res) => res.json({}));\n",
    }
    assert reached(files, "ROUTES_TO") == {"orders:http:GET:/orders/{}"}


def test_models_filled_in_by_a_loop_over_files_are_found_by_name() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/models/order.js": (
            "module.exports = (sequelize, DataTypes) => {\n"
            "  const Order = sequelize.define('Order', { total: DataTypes.INTEGER });\n  return Order;\n};\n"
        ),
        "shop/index.js": (
            "const db = require('./models');\nexports.all = () => db.Order.findAll({ where: { total: 1 } });\n"
        ),
    }
    assert reached(files, "READS") == {"sql::orders"}


def test_wrappers_hand_on_the_method_of_their_callers_and_folders_of_routes_are_no_examples() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/index.js": (
            "const get = async (url, options, ms) => fetch(url, { ...options, signal: after(ms) });\n"
            "exports.place = (order) =>\n"
            "  get('http://orders/example', { method: 'POST', body: JSON.stringify(order) }, 5);\n"
        ),
        "orders/package.json": package("orders"),
        "orders/app.js": (
            "const path = require('path');\nconst AutoLoad = require('@fastify/autoload');\n"
            "module.exports = async (fastify) => {\n"
            "  fastify.register(AutoLoad, { dir: path.join(__dirname, 'routes') });\n};\n"
        ),
        "orders/routes/example/index.js": (
            "module.exports = async (fastify) => {\n  fastify.post('/', async () => 'made');\n};\n"
        ),
    }
    assert endpoints(files) == {"orders POST /example"}
    assert "orders:http:POST:/example" in reached(files, "CALLS")


def test_what_a_wrapper_takes_apart_has_its_default_when_a_caller_leaves_it_out() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/request.ts": (
            "export default async function request<T>({ url = '', method = 'GET' }: Params): Promise<T> {\n"
            "  return fetch(`http://orders${url}`, { method });\n}\n"
        ),
        "shop/index.ts": (
            "import request from './request';\nexport const all = () => request<Order[]>({ url: '/orders' });\n"
            "export const drop = () => request<void>({ url: '/orders', method: 'DELETE' });\n"
        ),
        "orders/package.json": package("orders"),
        "orders/index.js": (
            "const app = require('express')();\napp.get('/orders', (req, res) => res.json([]));\n"
            "app.delete('/orders', (req, res) => res.end());\napp.post('/orders', (req, res) => res.end());\n"
        ),
    }
    data = graph(files)
    calls = [e for e in data.edges.values() if e.kind == "CALLS" and data.nodes[e.target].kind == "Endpoint"]
    assert all(e.resolution.status == "resolved" for e in calls)
    assert {data.nodes[e.target].key[2] for e in calls} == {"GET", "DELETE"}


def test_hosts_with_a_domain_set_at_run_time_name_their_service() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/places.js": (
            "const util = require('util');\nlet domain = '';\n"
            "process.argv.forEach((given) => { const parts = given.split('=');"
            " if (parts.length > 1) { domain = '.' + parts[1]; } });\n"
            "module.exports = { orders: util.format('http://orders%s/orders', domain) };\n"
        ),
        "shop/index.js": (
            "const places = require('./places');\n"
            "exports.one = (id) => fetch(places.orders + '/' + id);\n"
            "exports.all = (req) => fetch(`http://orders${req.originalUrl}`);\n"
        ),
        "orders/package.json": package("orders"),
        "orders/index.js": "const app = require('express')();\napp.get('/orders/:id', (req, res) => res.json({}));\n",
    }
    data = graph(files)
    calls = [e for e in data.edges.values() if e.kind == "CALLS" and data.nodes[e.target].kind == "Endpoint"]
    assert {(data.nodes[e.target].key, e.resolution.status) for e in calls} >= {
        (("orders", "http", "GET", "/orders/{}"), "resolved")
    }


def test_inner_functions_use_what_the_callers_of_their_outer_function_give() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/client.js": (
            "const amqp = require('amqplib');\nconst base = 'http://nowhere';\n"
            "exports.client = ({ base: host, path }) => {\n"
            "  const all = async () => fetch(`http://${host}${path}`);\n  return { all };\n};\n"
            "exports.consumer = (queue, handler) => {\n"
            "  link.createChannel({ setup: async (channel) => {"
            " await channel.consume(queue, (m) => handler(m)); } });\n"
            "};\n"
        ),
        "shop/index.js": (
            "const { client, consumer } = require('./client');\n"
            "const orders = client({ base: 'orders', path: '/orders' });\n"
            "exports.start = () => { consumer('placed', () => orders.all()); };\n"
        ),
        "orders/package.json": package("orders"),
        "orders/index.js": "const app = require('express')();\napp.get('/orders', (req, res) => res.json([]));\n",
    }
    assert "orders:http:GET:/orders" in reached(files, "CALLS")
    assert reached(files, "CONSUMES") == {"rabbitmq:placed"}


def test_settings_handed_on_as_an_object_are_read_where_it_was_written() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/client.ts": (
            "import axios, { AxiosInstance } from 'axios';\nimport { Settings } from './settings';\n"
            "export class Client {\n  private http: AxiosInstance;\n"
            "  constructor(config: Settings) { this.http = axios.create({ baseURL: config.urls.orders }); }\n"
            "  all() { return this.http.get('/orders'); }\n}\n"
        ),
        "shop/settings.ts": "export interface Settings { urls: { orders: string } }\n",
        "shop/app.ts": (
            "import { Client } from './client';\nimport { Settings } from './settings';\n"
            "export const create = (config: Settings) => new Client(config).all();\n"
        ),
        "shop/index.ts": (
            "import { create } from './app';\nimport { Settings } from './settings';\n"
            "const settings: Settings = { urls: { orders: process.env.ORDERS || 'http://orders' } };\n"
            "create(settings);\n"
        ),
        "orders/package.json": package("orders"),
        "orders/index.js": "const app = require('express')();\napp.get('/orders', (req, res) => res.json([]));\n",
    }
    data = graph(files)
    calls = [e for e in data.edges.values() if e.kind == "CALLS" and data.nodes[e.target].kind == "Endpoint"]
    assert [e.resolution.status for e in calls] == ["resolved"]


def test_functions_of_an_object_that_a_function_makes_are_called_through_it() -> None:
    files = {
        "shop/package.json": package("shop"),
        "shop/client.js": (
            "exports.createClient = (base) => {\n  const all = async () => fetch(`${base}/orders`);\n"
            "  return { all, one(id) { return fetch(`${base}/orders/${id}`); } };\n};\n"
        ),
        "shop/index.js": (
            "const { createClient } = require('./client');\nconst client = createClient('http://orders');\n"
            "exports.list = () => client.all();\n"
            "class Shop {\n  constructor() { this.orders = createClient('http://orders'); }\n"
            "  show(id) { return this.orders.one(id); }\n}\n"
        ),
    }
    data = graph(files)
    key = {name: node.key[-1] for name, node in data.nodes.items()}
    calls = {(key[e.source], key[e.target]) for e in data.edges.values() if e.kind == "CALLS"}
    assert {("list", "createClient.all"), ("Shop.show", "createClient.one")} <= calls
