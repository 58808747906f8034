-- name: set_rules
update documents set rule_ids = %(rule_ids)s where source = %(source)s and source_id = %(source_id)s

-- name: set_rules_of_attachments
update documents set rule_ids = %(rule_ids)s
where source = %(source)s and parent_id = %(source_id)s and rule_ids <> %(rule_ids)s::bigint[]

-- name: tighten_included
-- Only ever stricter: the text may be there by way of a third document, whose rules hold too.
update chunks c set rule_ids = array(select distinct unnest(c.rule_ids || %(rule_ids)s::bigint[]) order by 1)
from documents d
where d.id = c.document_id and d.source = %(source)s and c.included_id = any(%(source_ids)s)
  and not c.rule_ids @> %(rule_ids)s::bigint[]
returning d.source_id

-- name: any_descendant
select from documents
where source = %(source)s and ancestors <> '{}' and ancestors @> array[%(source_id)s]::text[] limit 1

-- name: tighten_descendants
-- Only ever stricter, and in one statement however many there are: their attachments with them, and their text wherever
-- it is taken in. What is for nobody stays so.
with below as materialized (
    select id, source_id from documents
    where source = %(source)s and ancestors <> '{}' and ancestors @> array[%(source_id)s]::text[]
), with_attachments as (
    select id from below
    union
    select d.id from documents d join below b on d.parent_id = b.source_id where d.source = %(source)s
), tightened as (
    update documents d
    set rule_ids = array(select distinct unnest(d.rule_ids || %(rule_ids)s::bigint[]) order by 1)
    from with_attachments w
    where d.id = w.id and d.rule_ids <> '{}' and not d.rule_ids @> %(rule_ids)s::bigint[]
)
update chunks c set rule_ids = array(select distinct unnest(c.rule_ids || %(rule_ids)s::bigint[]) order by 1)
from documents d
where d.id = c.document_id and d.source = %(source)s and c.included_id in (select source_id from below)
  and not c.rule_ids @> %(rule_ids)s::bigint[]
returning d.source_id

-- name: descendants_to_read
select source_id from documents
where source = %(source)s and ancestors <> '{}' and ancestors @> array[%(source_id)s]::text[]
  and (rule_ids && %(dropped)s::bigint[] or ancestors && %(left)s::text[] or not ancestors @> %(above)s::text[])

-- name: demand_rules_of_included
update chunks c set rule_ids = array(select distinct unnest(c.rule_ids || origin.demanded) order by 1)
from documents d, (
    select source, source_id, case when rule_ids = '{}' then array[0::bigint] else rule_ids end as demanded from documents
) as origin
where d.source = %(source)s and d.source_id = %(source_id)s and c.document_id = d.id
  and origin.source = d.source and origin.source_id = c.included_id and origin.source_id <> d.source_id
  and not c.rule_ids @> origin.demanded

-- name: included_among
select distinct c.included_id from chunks c join documents d on d.id = c.document_id
where d.source = %(source)s and c.included_id = any(%(source_ids)s)

-- name: dependents
select source_id from documents
where source = %(source)s and includes <> '{}' and includes && %(handles)s::text[]

-- name: hide
-- Its parts are forgotten, so that it is read again should it be listed again.
update documents set rule_ids = '{}', parts = null
where source = %(source)s and (source_id = %(source_id)s or parent_id = %(source_id)s)
returning handle

-- name: delete_documents
delete from documents where source = %(source)s and (source_id = any(%(source_ids)s) or parent_id = any(%(source_ids)s))
returning source_id

-- name: stored_attachments
select source_id, parts from documents where source = %(source)s and parent_id = %(source_id)s

-- name: all_attachments
select source_id from documents where source = %(source)s and parent_id is not null

-- name: without_timeout
-- Deleting half of a large source takes its time.
set local statement_timeout = 0
