"""The proof that a database can be written does not depend on other processes."""

from app.postgres.database import Database
from app.postgres.write_proof import UPDATE, write_fault


async def test_a_process_that_hangs_in_its_proof_hinders_no_other(database: Database) -> None:
    async with database.transaction() as hanging:
        await hanging.execute(UPDATE)
        assert await write_fault(database) is None
    assert await write_fault(database) is None
