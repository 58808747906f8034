-- name: begin
-- One round trip: the transaction, the role and the audience are sent together.
begin isolation level repeatable read read only; select enter_wall(%s)

-- name: wall_gap
select wall_gap()
