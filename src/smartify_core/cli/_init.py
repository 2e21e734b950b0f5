"""``smartify init``: a configuration that explains itself, and a key file.

Both or nothing, and nothing is ever overwritten.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from smartify_core.errors import ConfigInvalid, FileExists
from smartify_core.sealing import FileKeyRing

#: The name of the key file, beside the configuration.
KEY_FILE: Final = "smartify.keys"

TEMPLATE: Final = """\
# The configuration of smartify. Relative paths count from the folder of this file.
# Every key is explained in docs/reference/configuration.md.

[storage]
# Where the accounts live, sealed. sqlite:///FILE is a file beside this one, sqlite:////PATH/FILE one at an absolute
# path.
url = "sqlite:///smartify.db"

[keys]
# The keys that seal them. Keep a copy apart from the store's: without this file nothing in the store opens again. In
# production it is better in a folder of its own, as "/etc/smartify/smartify.keys": whoever copies the store's folder
# does not copy the keys then.
file = "smartify.keys"
# Or keys that Google Cloud KMS guards, in place of the line above (needs smartify-core[google-kms]):
# kms_key = "projects/P/locations/L/keyRings/R/cryptoKeys/K"
# kms_keys_file = "smartify.kms"     # the keys as it encrypted them, made by `smartify keys create`
# kms_endpoint = "https://..."       # only for gateways and tests

# What follows is optional. What you see is what holds when a line is left out.
[schedule]
# How often `smartify run` runs each tenant.
# every = "15m"

[rules]
# How long to keep an account, inactive, after its person was deleted in the directory. Google undeletes for "20d".
# retain_for = "0s"
# Source ids of people from whom nothing is taken away unless somebody approves.
# protected = []
# delete_adopted = false      # may a run delete accounts that you had before the first run?
# held_plan_ttl = "7d"        # how long a held plan may be approved

# When to stop and ask: max(floor, min(count, share of the accounts)), for one run and for the window.
[rules.guards]
# window = "7d"
# shrinkage = 0.5
# deletions = { run = { floor = 5, share = 0.2, count = 500 }, window = { floor = 10, share = 0.35, count = 1000 } }
# deactivations = { run = { floor = 10, share = 0.2, count = 500 } }
# membership_losses = { run = { floor = 100, share = 0.5, count = 5000 } }
# renames = { run = { floor = 50, share = 0.3, count = 2000 } }
# creations = { run = { floor = 100, share = 1.0, count = 5000 } }

# The request log of your application, for `smartify logs`.
[logs]
# directory = "logs"          # where it is written to
# keep_days = 30              # how long a file is kept
# k = 5                       # no report names what fewer networks than this share

# Who may see a name, for `smartify accounts`, `smartify grant` and `smartify audit`.
[policy]
# longest_grant = "30d"       # the longest time that an employee may be let in for
# longest_emergency = "1h"    # and without anybody's approval
# origin = "smartify/audit"   # the name of your audit trail, which no other trail has
# endings = "smartify.endings"   # the register of what has ended: keep it apart from the store and its backups
# vendor_notice = "30d"       # how long before a vendor begins a customer is told of it
# communications = { keep = false, retention = "180d" }   # is what is said to people kept to help them, and how long
# witness_folder = "witness"  # a folder of another host, where every checkpoint of the trail is kept as well
# witnesses = { }             # who else is shown every checkpoint: NAME = { url = "...", key = "..." }

# What happens after a breach, for `smartify breach`.
[breach]
# organisation = "Example Ltd"             # your name, as notices have it
# contact_point = "Privacy office, privacy@example.com, +49 30 1234567"   # where a customer asks
# first_notice = "24h"        # how long after awareness the first notice arrives at the latest
# update_every = "72h"        # and the next one after each, until the final one
# alarms = ["12h", "4h", "1h"]   # how long before each time it is said that it comes near
# escalate_after = "1h"       # how long those of one tier may take before the next is told as well
# rehearse_every = "90d"      # how old the proof may be that a contact can be reached
# rehearse_by = "dana"        # in whose name `smartify breach work` sends the exercises that are due
# notify_ciphertext_only = true   # is a customer told of whom only ciphertext is out
# call = "dana"               # the employee who takes the phone when nothing else reached a customer
# link = "https://app.example.com/notices/{code}"   # your page where a notice is acknowledged
# host = "web-1"              # what this host is called in the audit trail
# mail = { host = "smtp.example.com", sender = "privacy@example.com", username = "u", password_file = "smtp.password" }
# webhook = { keys = "webhook.keys" }      # made by `smartify breach webhook-key`

# One table for each customer. The name after "tenants." is yours to choose: letters, digits, dots, hyphens and
# underscores.
[tenants.acme]
source = "google"

# FILL IN: the JSON key of your Google Cloud service account. docs/how-to/connect-google.md leads you there.
service_account_file = "service-account.json"

# FILL IN: the address of an active administrator of the customer's account, for whom the service account reads.
subject = "admin@acme.example"

# The rest is optional. What you see is what holds when a line is left out.
# customer = "my_customer"        # or the customer's id, C...
# requests_per_minute = 2400      # for all tenants of one Google Cloud project together
# concurrency = 10                # requests under way at once, for this tenant
# attempts = 6                    # how often one request is tried in all
# timeout = 60.0                  # seconds that a connection may stay silent
# ca_certs = "ca.pem"             # certificate authorities to trust in place of the usual ones
# api_endpoint = "http://127.0.0.1:8085/"   # for tests and gateways; the default is Google's

# A customer whose people you get as a file of JSON lines (docs/reference/jsonl.md) needs only this:
# [tenants.initech]
# source = "jsonl"
# path = "people.jsonl"
"""


def write_all(config: Path) -> tuple[Path, Path]:
    """Write the configuration at ``config`` and a new key file beside it, and return both paths.

    Raises:
        FileExists: One of them is there already. Neither was written.
        KeyFileInvalid: The folder is missing or not writable. Neither was written.
        ConfigInvalid: The configuration could not be written. Neither was.
    """
    keys = config.parent / KEY_FILE
    for path in (config, keys):
        if os.path.lexists(path):
            raise _in_the_way(path)
    FileKeyRing.create(keys)
    try:
        write_new(config, TEMPLATE)
    except BaseException:
        # Made a moment ago by this very call: nothing can have been sealed with it.
        keys.unlink(missing_ok=True)
        raise
    return config, keys


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises:
        FileExists: It is there already; it was left as it is.
        ConfigInvalid: It cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise _in_the_way(path) from None
    except OSError as error:
        raise ConfigInvalid(
            f"the configuration file cannot be written ({type(error).__name__})",
            where=str(path),
            cure="Check the folder and its permissions.",
        ) from None


def _in_the_way(path: Path) -> FileExists:
    return FileExists(
        "a file is there already; it was left as it is",
        where=str(path),
        cure="Use the files that are there, or choose another folder (--config FOLDER/smartify.toml).",
    )
