"""The whole of what is stored of a source, to compare two indexes."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

DOCUMENTS = """
select d.source_id, d.external_id, d.kind, d.title, d.url, d.place, d.author, d.status, d.labels, d.created, d.updated,
       d.path, array(select unnest(d.parts) order by 1) as parts, d.parent_id, d.handle,
       array(select unnest(d.includes) order by 1) as includes, d.content_hash,
       array(select r.name || ' = ' || array_to_string(array(select unnest(r.principals) order by 1), ' ')
             from access_rules r where r.id = any (d.rule_ids) order by 1) as rules,
       array(select json_build_array(c.position, c.kind, c.heading, c.url, c.text, c.context, c.author, c.created,
                                     c.anchors, c.included_id,
                                     array(select r.name || ' = ' || array_to_string(
                                               array(select unnest(r.principals) order by 1), ' ')
                                           from access_rules r where r.id = any (c.rule_ids) order by 1))::text
             from chunks c where c.document_id = d.id order by c.position) as chunks
from documents d where d.source = %(source)s order by d.source_id
"""
PEOPLE = """
select email, array(select unnest(principals) order by 1) as principals from memberships where source = %(source)s
"""
WAITING = """
select source_id, coalesce(reason, gone_at::text, noted_at::text) as reason from reading_list where source = %(source)s
"""

READABLE = """
select d.source_id, coalesce(c.included_id, '') as included_id
from documents d left join chunks c on c.document_id = d.id
where d.source = %(source)s
  and readable(d.rule_ids, coalesce(c.rule_ids, '{}'), %(emails)s, (select satisfied_rules(%(emails)s)))
"""


def readable(pool: ConnectionPool, source: str, email: str) -> set[tuple[str, str]]:
    """What this person may read: documents, each with "" or with the document whose text it takes in."""
    with pool.connection() as connection:
        rows = connection.execute(READABLE, {"source": source, "emails": [email]}).fetchall()
    return {(document, "") for document, _ in rows} | set(rows)


def whole_index(pool: ConnectionPool, source: str) -> dict[str, Any]:
    """Everything that is stored of a source, without the ids that the database gave."""
    with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        documents = cursor.execute(DOCUMENTS, {"source": source}).fetchall()
        people = cursor.execute(PEOPLE, {"source": source}).fetchall()
        waiting = cursor.execute(WAITING, {"source": source}).fetchall()
    return {
        "documents": {row["source_id"]: row for row in documents},
        "people": {row["email"]: row["principals"] for row in people},
        "waiting": {row["source_id"]: row["reason"] for row in waiting},
    }


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """What is not the same, a line each; empty where two indexes are equal."""
    lines = []
    for part in ("documents", "people", "waiting"):
        ids = sorted(found[part].keys() | expected[part].keys())
        for each in ids:
            here, there = found[part].get(each), expected[part].get(each)
            if here == there:
                continue
            if part == "documents" and here and there:
                lines += [
                    f"{each} {name}: {here[name]!r}, not {there[name]!r}"
                    for name in here
                    if here[name] != there[name] and not (name == "parts" and _is_unsettled(here, there))
                ]
            else:
                lines.append(f"{part} {each}: {here!r}, not {there!r}")
    return lines


def _is_unsettled(here: dict[str, Any], there: dict[str, Any]) -> bool:
    """A ticket that was read within seconds of its edit is stored without a version, and is read again."""
    return here["kind"] == "ticket" and not (here["parts"] and there["parts"])
