-- name: stored_document
select id, content_hash, rule_ids, handle, ancestors from documents
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
select id, hash from chunks where document_id = %(document_id)s

-- name: delete_chunks
delete from chunks where id = any(%(ids)s)

-- name: move_chunk
-- A chunk whose text is unchanged keeps its row, and with it its vector and its postings.
update chunks set position = %(position)s, kind = %(kind)s, heading = %(heading)s, url = %(url)s, author = %(author)s,
    created = %(created)s, anchors = %(anchors)s, rule_ids = %(rule_ids)s, included_id = %(included_id)s
where id = %(id)s

-- name: insert_chunk
insert into chunks (document_id, position, kind, heading, url, text, context, author, created, anchors, hash, rule_ids,
                    included_id)
values (%(document_id)s, %(position)s, %(kind)s, %(heading)s, %(url)s, %(text)s, %(context)s, %(author)s,
        %(created)s, %(anchors)s, %(hash)s, %(rule_ids)s, %(included_id)s)
returning id

-- name: insert_terms
-- In order, so that two refreshes that add the same terms wait for each other and never deadlock.
insert into terms (lexeme)
select lexeme from (
    select unnest(tsvector_to_array(to_tsvector('english', c.context || E'\n' || c.text))) as lexeme
    from chunks c where c.id = any(%(ids)s)
    union
    select unnest(%(identifiers)s::text[])
) as found
where not exists (select from terms t where t.lexeme = found.lexeme)
order by lexeme
on conflict do nothing

-- name: insert_postings
-- BM25's saturated term frequency with k1 = 1.2, b = 0.75 (Robertson & Zaragoza 2009, section 3.2). The average
-- length is a constant because chunks are cut to one size.
with occurrences as (
    select c.id as chunk_id, word.lexeme, coalesce(cardinality(word.positions), 1) as frequency
    from chunks c, unnest(to_tsvector('english', c.context || E'\n' || c.text)) as word
    where c.id = any(%(ids)s)
    union all
    select * from unnest(%(identifier_chunks)s::bigint[], %(identifiers)s::text[], %(identifier_counts)s::int[])
), frequencies as (
    select chunk_id, lexeme, sum(frequency) as frequency, sum(sum(frequency)) over (partition by chunk_id) as length
    from occurrences group by chunk_id, lexeme
)
insert into postings (term_id, chunk_id, weight)
select t.id, f.chunk_id,
       f.frequency * 2.2 / (f.frequency + 1.2 * (0.25 + 0.75 * f.length / %(average_length)s))
from frequencies f join terms t using (lexeme)

-- name: model_id
with existing as (select id from embedding_models where name = %(name)s),
     added as (
        insert into embedding_models (name, dimensions)
        select %(name)s, %(dimensions)s where not exists (select from existing)
        on conflict (name) do update set dimensions = embedding_models.dimensions
        returning id)
select id from existing union all select id from added

-- name: chunks_without_vector
-- The newest first: they are asked about most.
select c.id
from chunks c join documents d on d.id = c.document_id
where d.source = %(source)s
  and not exists (select from embeddings e where e.model_id = %(model_id)s and e.chunk_id = c.id)
order by d.updated desc nulls last, c.id

-- name: missing_among
select c.id, c.context, c.text from chunks c
where c.id = any(%(ids)s)
  and not exists (select from embeddings e where e.model_id = %(model_id)s and e.chunk_id = c.id)

-- name: insert_vector
-- The chunk may have been deleted meanwhile.
insert into embeddings (model_id, chunk_id, embedding)
select %(model_id)s, c.id, %(embedding)s from chunks c where c.id = %(chunk_id)s
on conflict do nothing
