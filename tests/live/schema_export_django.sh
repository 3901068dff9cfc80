#!/usr/bin/env bash
# pgrace schema export --to django: Django migrates forward and backward, and the printed code makes of what a trigger
# refuses a ValidationError.
source "$(dirname "$0")/../support/lib.sh"
source "$(dirname "$0")/../support/export.sh"
command -v psql >/dev/null || skip "psql is not installed"
python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import django, psycopg2' 2>/dev/null || continue
  python=$candidate
  break
done
[ -n "$python" ] || skip "no python3 has django and psycopg2"
cd "$work"
hostile_folder
start_server given -c client_min_messages=warning
make_reference
boss -c 'CREATE DATABASE django'

# An application that had a migration before.
mkdir -p inbox/migrations
touch inbox/__init__.py inbox/migrations/__init__.py
cat >inbox/migrations/0001_texters.py <<'END_OF_FILE'
from django.db import migrations


class Migration(migrations.Migration):
    operations = []
END_OF_FILE
cat >inbox/models.py <<'END_OF_FILE'
from django.db import models


class Conversation(models.Model):
    id = models.BigIntegerField(primary_key=True)
    texter_id = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "conversations"


class Hostile(models.Model):
    note = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "hostile"
END_OF_FILE
cat >settings.py <<END_OF_FILE
SECRET_KEY = "x"
INSTALLED_APPS = ["inbox"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "django", "USER": "boss",
                         "PASSWORD": "master-key", "HOST": "$server_dir", "PORT": "$server_port"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
END_OF_FILE

run 0 schema export --to django --app inbox --after 0001_texters --out inbox/migrations
same "files" "$(ls inbox/migrations/0* | tr '\n' ' ')" "inbox/migrations/0001_texters.py \
inbox/migrations/0002_inbox.py inbox/migrations/0003_conversation_texter_assignment.py \
inbox/migrations/0004_hostile_texts.py inbox/migrations/0005_hostile_texts_4.py inbox/migrations/0006_final.py "
sed '1,/^==> for the application <==$/d' out >inbox/trigger_errors.py
for f in inbox/migrations/000[2-6]_*.py inbox/trigger_errors.py; do
  "$python" -W error -c 'import sys; compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec")' "$f" 2>err ||
    fail "Python cannot read $f"
done

export DJANGO_SETTINGS_MODULE=settings PYTHONPATH=$work PYTHONDONTWRITEBYTECODE=1
admin() { "$python" -m django "$@" >out 2>err || fail "django $*"; }

admin migrate
same "up" "$(state django)" "$reference"
admin showmigrations --plan
same "all of them, in order" "$(grep -c '^\[X\]  inbox' out)" 6
admin sqlmigrate inbox 0004
says out '#{System.halt(1)}'

cat >refused.py <<'END_OF_FILE'
import django

django.setup()

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from inbox.models import Conversation, Hostile
from inbox.trigger_errors import trigger_errors


def raised(kind, function):
    try:
        with trigger_errors():
            function()
    except kind as error:
        assert type(error) is kind, error
        return error
    raise AssertionError("nothing was raised")


Conversation.objects.create(id=1)
mine, theirs = Conversation.objects.get(id=1), Conversation.objects.get(id=1)
mine.texter_id, theirs.texter_id = 7, 8
with trigger_errors():
    mine.save()
error = raised(ValidationError, theirs.save)
assert error.message_dict == {"texter_id": ["This conversation is already checked out"]}, error.message_dict
assert isinstance(error.__cause__, IntegrityError)
assert Conversation.objects.get(id=1).texter_id == 7

with transaction.atomic():
    Conversation.objects.create(id=2)
    raised(ValidationError, theirs.save)
    Conversation.objects.create(id=3)
assert Conversation.objects.count() == 3

note = Hostile.objects.get(id=5)
note.note = "other"
assert raised(ValidationError, note.save).message_dict == {"note": ['Say "#{no}" to 50% of \\it, 🐘']}

# What no trigger of ours refuses stays what it is.
raised(IntegrityError, lambda: Conversation.objects.create(id=1))
raised(IntegrityError, lambda: connection.cursor().execute("INSERT INTO replies (conversation_id) VALUES (1)"))
raised(KeyError, lambda: {}["x"])
END_OF_FILE
"$python" refused.py >out 2>err || fail "the printed code"

# A migration without a down is not taken back; then all the others are.
! "$python" -m django migrate inbox 0005 >out 2>err || fail "the last one was taken back"
says err "IrreversibleError"
admin migrate --fake inbox 0005
admin migrate inbox 0003
[[ $(state django) != *hostile* ]] || fail "half of the way back"
admin migrate inbox 0001
same "down" "$(state django)" "$nothing"
admin migrate inbox 0005
admin migrate inbox zero
same "down again" "$(state django)" "$nothing"
