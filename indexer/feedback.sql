-- name: record
-- In order, so that two thumbs at once wait for each other and never deadlock.
insert into document_feedback as f (document_id, helpful, unhelpful)
select d.id, %(helpful)s, %(unhelpful)s from documents d where d.id = any(%(ids)s) order by d.id
on conflict (document_id) do update set
    helpful = f.helpful + excluded.helpful, unhelpful = f.unhelpful + excluded.unhelpful, updated_at = now()
