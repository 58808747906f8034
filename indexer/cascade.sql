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
