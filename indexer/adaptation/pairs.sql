-- name: sample
-- Documents in an order that is random but the same each time, until there are enough chunks; what people found
-- helpful first, and nothing that they found unhelpful.
with sized as (
    select d.id, count(*) as chunks, ({helpful}) as helpful
    from documents d join chunks c on c.document_id = d.id join embeddings e on e.chunk_id = c.id
    where e.model_id = %(model_id)s and cardinality(d.rule_ids) > 0
    group by d.id
), ordered as (
    select id, sum(chunks) over (order by helpful desc, md5(id::text || %(seed)s::text), id) as total
    from sized where helpful >= 0
)
select id from ordered where total <= %(max_chunks)s

-- name: has_feedback
select to_regclass('document_feedback') is not null

-- name: links
-- Tickets that a ticket of the sample names as linked, where they have another title.
select distinct d.id, target.id
from documents d join chunks c on c.document_id = d.id,
     lateral regexp_matches(substring(c.text from '(?:^|[\n ])Links: ([^\n·]*)'), '[A-Z][A-Z0-9_]+-[0-9]+', 'g') as key
     join documents target on target.external_id = key[1]
where d.id = any(%(ids)s) and d.kind = 'ticket' and target.kind = 'ticket' and target.source = d.source
  and target.id <> d.id and lower(target.title) <> lower(d.title) and cardinality(target.rule_ids) > 0
  and exists (select from chunks t join embeddings e on e.chunk_id = t.id
              where t.document_id = target.id and e.model_id = %(model_id)s)
order by d.id, target.id
limit %(limit)s

-- name: vectors
-- As pgvector sends them: two bytes of length, two unused, then float16, all big-endian.
select c.id, c.document_id, c.position, halfvec_send(e.embedding)
from chunks c join embeddings e on e.chunk_id = c.id
where c.document_id = any(%(ids)s) and e.model_id = %(model_id)s
order by c.document_id, c.position

-- name: titles
select id, title from documents where id = any(%(ids)s) order by id

-- name: texts
-- A few chunks of each document: sentences are taken from there.
select document_id, position, text
from (select document_id, position, text, row_number() over (partition by document_id
             order by md5(id::text || %(seed)s::text)) as place
      from chunks where document_id = any(%(ids)s) and kind in ('description', 'comment', 'solution', 'section')) as c
where place <= 4
order by document_id, position
