-- name: stored_document
select id, title, external_id, content_hash, rule_ids, handle, ancestors from documents
where source = %(source)s and source_id = %(source_id)s

-- name: rules_of_parent
select rule_ids from documents where source = %(source)s and source_id = %(parent_id)s

-- name: upsert_document
insert into documents (source, source_id, external_id, kind, title, url, place, author, status, labels, created,
                       updated, content_hash, rule_ids, parts, path, parent_id, handle, includes,
                       ancestors)
values (%(source)s, %(source_id)s, %(external_id)s, %(kind)s, %(title)s, %(url)s, %(place)s, %(author)s, %(status)s,
        %(labels)s, %(created)s, %(updated)s, %(content_hash)s, %(rule_ids)s, %(parts)s, %(path)s, %(parent_id)s,
        %(handle)s, %(includes)s, %(ancestors)s)
on conflict (source, source_id) do update set
    external_id = excluded.external_id, kind = excluded.kind, title = excluded.title, url = excluded.url,
    place = excluded.place, author = excluded.author, status = excluded.status, labels = excluded.labels,
    created = excluded.created, updated = excluded.updated, content_hash = excluded.content_hash,
    rule_ids = excluded.rule_ids, parts = excluded.parts, path = excluded.path, parent_id = excluded.parent_id,
    handle = excluded.handle, includes = excluded.includes, ancestors = excluded.ancestors
returning id

-- name: touch_document
-- Its content is the same; what it is made of and who may read it need not be.
update documents set rule_ids = %(rule_ids)s, parts = %(parts)s, parent_id = %(parent_id)s, handle = %(handle)s,
    includes = %(includes)s, ancestors = %(ancestors)s
where source = %(source)s and source_id = %(source_id)s
  and (rule_ids, parts, parent_id, handle, includes, ancestors) is distinct from
      (%(rule_ids)s::bigint[], %(parts)s::text[], %(parent_id)s, %(handle)s, %(includes)s::text[], %(ancestors)s::text[])

-- name: stored_chunks
select id, hash, kind, heading from chunks where document_id = %(document_id)s

-- name: delete_chunks
delete from chunks where id = any(%(ids)s)

-- name: move_chunk
-- A chunk whose text is unchanged keeps its row, and with it its vector and its postings.
update chunks set position = %(position)s, kind = %(kind)s, heading = %(heading)s, url = %(url)s, author = %(author)s,
    created = %(created)s, anchors = %(anchors)s, rule_ids = %(rule_ids)s, included_id = %(included_id)s
where id = %(id)s

-- name: insert_chunks
insert into chunks (document_id, position, kind, heading, url, text, context, author, created, anchors, hash, rule_ids,
                    included_id, words)
select %(document_id)s, position, kind, heading, url, text, context, author, created, anchors, hash, rule_ids,
       included_id, (select version from word_index)
from json_to_recordset(%(chunks)s) as given (
    position int, kind text, heading text, url text, text text, context text, author text, created timestamptz,
    anchors jsonb, hash text, rule_ids bigint[], included_id text)
returning id
