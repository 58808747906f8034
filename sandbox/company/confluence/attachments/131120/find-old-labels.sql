-- Label files whose retention has ended. Read only; the Sunday job does the deleting.
SELECT l.object_key,
       l.carrier,
       l.created_at::date AS made_on,
       pg_size_pretty(l.bytes) AS size
  FROM labels l
  LEFT JOIN legal_holds h ON h.customer_id = l.customer_id AND h.ended_at IS NULL
 WHERE l.created_at < now() - interval '90 days'
   AND h.customer_id IS NULL
 ORDER BY l.created_at
 LIMIT 1000;
