"""Creates, reads and changes a customer by the client that openapi-generator made, and prints what came back.

usage: client.py API KEY        (with the folder of the generated client on PYTHONPATH)
"""

import json
import sys

import lockstitch_client as generated  # type: ignore[import-not-found]

api, key = sys.argv[1:]
with generated.ApiClient(generated.Configuration(host=api, access_token=key)) as client:
    customers = generated.CustomersApi(client)
    made = customers.create_customer(
        "python-create",
        generated.CustomerPatch(
            first_name="Mira", last_name="Holt", emails=[generated.EmailPatch(address="mira.holt@example.com")]
        ),
        connection="hubspot",
    ).actual_instance
    changed = customers.change_customer(
        made.id,
        "python-change",
        generated.CustomerPatch(job_title=None, last_name="Holt-Lind"),
        _headers={"Prefer": "wait=20"},
    ).actual_instance
    read = customers.read_customer(made.id)
    try:
        customers.read_customer("cus_00000000000000000000000000000000")
    except generated.ApiException as error:
        refused = json.loads(error.body)["code"]
print(
    json.dumps(
        {
            "remote_id": read.meta.remote_id,
            "last_name": read.last_name,
            "email": read.emails[0].address,
            "changed": changed.last_name,
            "refused": refused,
        }
    )
)
