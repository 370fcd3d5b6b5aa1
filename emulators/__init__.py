"""Runnable emulators of the vendors, with faults. They share no code with the mappings that they test.

`python -m emulators --port 8090 --state DIR` serves every vendor under `/<vendor>/` and the control interface under
`/_emulator/`. State is on disk: `kill -9` and a restart lose nothing that was answered.

- `POST /_emulator/faults` `{"vendor", "match": {"method", "path"}, "fault": {"kind", …}, "times" | "rate", "seed"}`;
  kinds `status`, `slow`, `timeout`, `reset`, `timeout_after_commit`, `html_body`, `drift`, `loose_match`; for tokens
  `refresh_reply_lost`, `token_revoked`, `clock_skew` (`delay_ms`); for webhooks `duplicate_webhook` (`times_sent`
  copies at once), `reorder_webhooks` (held until a later one was delivered), `drop_webhook`, `late_webhook`
  (`delay_ms`), `bad_signature`, `old_secret`, where `match.path` is the topic. `GET` lists them, `DELETE` ends them and
  lets go the calls that they hold.
- `GET /_emulator/calls?vendor=&limit=`: the recorded calls and their statuses, newest last.
- `GET /_emulator/records?vendor=&object=` counts and returns records; `POST` places one without the vendor's
  validation.
- `GET /_emulator/tokens?vendor=`: the valid access and refresh tokens.
- `POST /_emulator/limits` `{"vendor", "per_minute", "search_lag", "token_seconds", "search_cap"}`; the lag is in
  seconds.
- `PUT /_emulator/webhooks` `{"vendor", "url", "secret", "old_secret", "first_pause_ms"}`: send every later change of
  the vendor's records there, in the vendor's format and signature, and retry until it is accepted. `GET` lists the
  targets, `DELETE` ends them. `GET /_emulator/webhooks/sent?vendor=&state=&limit=`: each webhook with its topic, state
  (`waiting`, `held`, `delivered`, `failed`, `dropped`, `abandoned`), tries, last status and fault.
- `POST /_emulator/reset` `{"vendor"}` deletes everything except the counters and the webhook targets.
- `GET /_emulator/health` lists the vendors.
"""
