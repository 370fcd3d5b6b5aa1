"""Operations in PostgreSQL."""
