-- Run on db-rst-01 only. Usage: psql -v customer=20417 -v since='2026-03-28 09:00' -f restore-one-customer.sql
\set ON_ERROR_STOP on
SET default_transaction_read_only = on;

\copy (SELECT s.* FROM shipments s WHERE s.customer_id = :customer AND s.updated_at >= :'since' AND NOT EXISTS (SELECT 1 FROM privacy.erased e WHERE e.email_hash = s.recipient_email_hash)) TO 'shipments.csv' CSV HEADER
\copy (SELECT a.* FROM address_book a WHERE a.customer_id = :customer AND NOT EXISTS (SELECT 1 FROM privacy.erased e WHERE e.email_hash = a.email_hash)) TO 'address_book.csv' CSV HEADER

SELECT 'shipments' AS table_name, count(*) FROM shipments WHERE customer_id = :customer
UNION ALL
SELECT 'address_book', count(*) FROM address_book WHERE customer_id = :customer;
