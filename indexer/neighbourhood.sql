-- name: neighbours
-- The chunks around each hit in its document. A chunk may have rules of its own: only what everybody may read who reads
-- the hit is taken, because an answer is remembered by the rules of its hits.
select h.id as hit_id, c.id, c.position, c.kind, c.heading, c.context, c.text
from chunks h join chunks c on c.document_id = h.document_id
              and c.position between h.position - %(reach)s and h.position + %(reach)s
              join documents d on d.id = c.document_id
where h.id = any(%(ids)s)
  and c.rule_ids <@ h.rule_ids
  and readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))
order by h.id, c.position
