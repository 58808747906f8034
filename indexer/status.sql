-- name: sources
select s.name, s.watermark, s.last_started, s.last_finished, s.last_error,
       (select count(*) from documents d where d.source = s.name) as documents,
       (select count(*) from chunks c join documents d on d.id = c.document_id where d.source = s.name) as chunks,
       (select count(distinct e.chunk_id) from embeddings e join chunks c on c.id = e.chunk_id
            join documents d on d.id = c.document_id where d.source = s.name) as embedded,
       (select count(*) from unreadable u where u.source = s.name) as failed
from sources s order by s.name

-- name: unreadable
select source, external_id, reason, seen_at from unreadable order by seen_at desc limit %(limit)s
