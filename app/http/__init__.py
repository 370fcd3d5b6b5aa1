"""The HTTP edge that every capability shares: admission, bodies, queries, responses, paging."""
