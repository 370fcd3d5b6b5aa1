"""Runnable look-alikes of the vendors, with faults. They share no code with the mappings they test.

`python -m emulators --port 8090 --state DIR` serves every vendor under `/<vendor>/` and the control interface under
`/_emulator/`. What was answered is on disk: `kill -9` and a restart lose nothing.

- `POST /_emulator/faults` `{"vendor", "match": {"method", "path"}, "fault": {"kind", …}, "times" | "rate", "seed"}`;
  kinds `status`, `slow`, `timeout`, `reset`, `timeout_after_commit`, `html_body`, `drift`.
  `GET` lists them, `DELETE` ends them.
- `GET /_emulator/calls?vendor=&limit=`: what the vendors were sent and answered, newest last.
- `GET /_emulator/records?vendor=&object=` counts and shows records; `POST` places one past the vendor's validation.
- `POST /_emulator/limits` `{"vendor", "per_minute", "search_lag"}`; `search_lag` in seconds.
- `POST /_emulator/reset` `{"vendor"}` forgets; `GET /_emulator/health` names the vendors.
"""
