-- name: live_tuning
select id, matrix, weights from tunings where model_id = %(model_id)s and state = 'live'

-- name: live_tuning_id
select id from tunings where model_id = %(model_id)s and state = 'live'

-- name: add
insert into tunings (model_id, matrix, weights, metrics, state, decided_at)
values (%(model_id)s, %(matrix)s, %(weights)s, %(metrics)s, %(state)s,
        case when %(state)s <> 'candidate' then clock_timestamp() end)
returning id

-- name: lock_model
-- Promotions and rollbacks of a model wait for each other.
select 1 from embedding_models where id = (select model_id from tunings where id = %(id)s) for update

-- name: lock_live_model
select 1 from embedding_models where id = %(model_id)s for update

-- name: state
select state from tunings where id = %(id)s

-- name: retire_live
update tunings set state = 'retired', decided_at = clock_timestamp()
where state = 'live' and model_id = (select model_id from tunings where id = %(id)s)

-- name: make_live
update tunings set state = 'live', decided_at = clock_timestamp() where id = %(id)s

-- name: reject_live
update tunings set state = 'rejected', decided_at = clock_timestamp()
where state = 'live' and model_id = %(model_id)s
returning id

-- name: take_back
update tunings set state = 'rejected', decided_at = clock_timestamp() where id = %(id)s and state = 'live'

-- name: previous
-- What was live before: the one that was retired last.
select id from tunings where model_id = %(model_id)s and state = 'retired' order by decided_at desc, id desc limit 1

-- name: entries
select t.id, m.name as model, t.state, t.matrix is not null as adapts_vectors, t.weights, t.metrics, t.created_at,
       t.decided_at
from tunings t join embedding_models m on m.id = t.model_id
order by t.id desc
limit %(limit)s
