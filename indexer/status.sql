-- name: sources
select s.name, s.watermark, s.last_started, s.last_finished, s.last_error, s.last_changes, s.last_sweep,
       s.last_permissions,
       (select count(*) from documents d where d.source = s.name) as documents,
       (select count(*) from chunks c join documents d on d.id = c.document_id where d.source = s.name) as chunks,
       (select count(*) from embeddings e join chunks c on c.id = e.chunk_id
            join documents d on d.id = c.document_id
            where d.source = s.name and e.model_id = (select id from embedding_models where live)) as embedded,
       (select count(*) from reading_list r where r.source = s.name and r.gone_at is null and r.reason is null)
            as waiting,
       (select count(*) from reading_list r where r.source = s.name and r.gone_at is null and r.reason is not null)
            as failed
from sources s order by s.name

-- name: unreadable
select source, coalesce(external_id, source_id) as external_id, reason, attempts, not_before as next_try
from reading_list
where reason is not null and gone_at is null
order by source, not_before, source_id
limit %(limit)s
