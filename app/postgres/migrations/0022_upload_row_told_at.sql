-- When the last row of a record that was told had been received: a row that is mended late tells by it whether it is
-- older. Of rows whose receipts are gone nobody knows that; nothing that is here already is newer than now.
ALTER TABLE upload_row ADD COLUMN told_at timestamptz;

UPDATE upload_row AS known
   SET told_at = coalesce((SELECT received_at
                             FROM inbound_event
                            WHERE connection = known.connection
                              AND dedupe_key = 'row:' || encode(known.identity_digest, 'hex') || ':' || known.told),
                          now())
 WHERE told > 0;
