-- name: begin
-- One round trip: the transaction, the role and the audience are sent together. Prepared statements that read for people
-- are planned once a connection, whoever asks.
begin isolation level repeatable read read only;
select enter_wall(%s), set_config('plan_cache_mode', 'force_generic_plan', true)

-- name: wall_gap
select wall_gap()
