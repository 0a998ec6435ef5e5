"""The embedded store's tables and the SQL over them, in one place."""

from __future__ import annotations

FORMAT = 1

TABLES = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS node(
  id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS node_kind ON node(kind, uid);
CREATE TABLE IF NOT EXISTS edge(
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, source INTEGER NOT NULL, target INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS edge_out ON edge(source, kind, target);
CREATE INDEX IF NOT EXISTS edge_in ON edge(target, kind);
CREATE TABLE IF NOT EXISTS node_claim(
  element INTEGER NOT NULL, bucket INTEGER NOT NULL, doc TEXT, PRIMARY KEY(element, bucket)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS node_claim_bucket ON node_claim(bucket);
CREATE TABLE IF NOT EXISTS edge_claim(
  element INTEGER NOT NULL, bucket INTEGER NOT NULL, doc TEXT, PRIMARY KEY(element, bucket)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS edge_claim_bucket ON edge_claim(bucket);
"""

NODES_OF_BUCKET = """
SELECT n.uid, n.kind, coalesce(c.doc, n.doc), n.id FROM node_claim c JOIN node n ON n.id = c.element WHERE c.bucket = ?
"""
EDGES_OF_BUCKET = """
SELECT e.kind, s.uid, t.uid, coalesce(c.doc, e.doc), e.id FROM edge_claim c
JOIN edge e ON e.id = c.element JOIN node s ON s.id = e.source JOIN node t ON t.id = e.target WHERE c.bucket = ?
"""
NODES_BY_UID = """
SELECT n.uid, n.kind, n.doc, n.id FROM json_each(?) w JOIN node n ON n.uid = w.value
"""
NODES_BY_ID = """
SELECT n.uid, n.kind, n.doc FROM json_each(?) w JOIN node n ON n.id = w.value
"""
CLAIMS = """
SELECT c.element, b.name, coalesce(c.doc, x.doc) FROM json_each(?) w
JOIN {table}_claim c ON c.element = w.value JOIN {table} x ON x.id = c.element JOIN bucket b ON b.id = c.bucket
"""
OUT = """
SELECT e.id, e.kind, n.uid, t.uid, t.uid FROM json_each(?) f JOIN node n ON n.uid = f.value
JOIN edge e ON e.source = n.id JOIN node t ON t.id = e.target
WHERE e.kind IN (SELECT value FROM json_each(?)) AND n.kind NOT IN (SELECT value FROM json_each(?))
"""
BACK = """
SELECT e.id, e.kind, s.uid, n.uid, s.uid FROM json_each(?) f JOIN node n ON n.uid = f.value
JOIN edge e ON e.target = n.id JOIN node s ON s.id = e.source
WHERE e.kind IN (SELECT value FROM json_each(?)) AND n.kind NOT IN (SELECT value FROM json_each(?))
"""
EDGE_DOCS = "SELECT e.id, e.doc FROM json_each(?) w JOIN edge e ON e.id = w.value"
EDGES_OF_KINDS = """
SELECT e.kind, s.uid, t.uid, e.doc, e.source, e.target FROM edge e
JOIN node s ON s.id = e.source JOIN node t ON t.id = e.target WHERE e.kind IN (SELECT value FROM json_each(?))
"""
NODES_OF_KINDS = "SELECT uid, kind, doc, id FROM node WHERE kind IN (SELECT value FROM json_each(?))"
