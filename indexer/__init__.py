"""Documents to chunks to embeddings in Postgres, and the search that reads them back."""
