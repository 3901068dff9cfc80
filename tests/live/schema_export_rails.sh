#!/usr/bin/env bash
# pgrace schema export --to rails: ActiveRecord runs the migrations up and down, and the printed module makes of what a
# trigger refuses an error of the model.
source "$(dirname "$0")/../support/lib.sh"
source "$(dirname "$0")/../support/export.sh"
command -v psql >/dev/null || skip "psql is not installed"
command -v ruby >/dev/null || skip "ruby is not installed"
ruby -e 'require "active_record"; require "pg"' 2>/dev/null || skip "ruby's active_record or pg is not installed"
cd "$work"
hostile_folder
start_server given -c client_min_messages=warning
make_reference
boss -c 'CREATE DATABASE rails'

run 0 schema export --to rails --out migrate --stamp 20261130120000
same "files" "$(ls migrate | tr '\n' ' ')" "20261130120000_add_inbox.rb \
20261130120001_add_conversation_texter_assignment.rb 20261130120002_add_hostile_texts.rb \
20261130120003_add_hostile_texts_4.rb 20261130120004_add_final.rb "
sed '1,/^==> for the application <==$/d' out >trigger_errors.rb
for f in migrate/*.rb trigger_errors.rb; do
  ruby -wc "$f" >out 2>err || fail "Ruby cannot read $f"
  [ ! -s err ] || fail "Ruby warns of $f"
done

cat >rails.rb <<'END_OF_FILE'
require "active_record"
require "pg"

direction, host, port = ARGV
ActiveRecord::Base.establish_connection(adapter: "postgresql", database: "rails", host: host, port: port,
                                        username: "boss", password: "master-key")
ActiveRecord::Migration.verbose = false

def check(what, got, expected)
  raise "#{what}: #{got.inspect}, expected #{expected.inspect}" unless got == expected
end

def raised(kind)
  yield
  raise "nothing was raised, expected #{kind}"
rescue kind => error
  error
end

def context
  takes_schema = ActiveRecord::MigrationContext.instance_method(:initialize).arity == 2
  ActiveRecord::MigrationContext.new("migrate", *(takes_schema ? [ActiveRecord::SchemaMigration] : []))
end

def models
  require "./trigger_errors"
  Object.const_set(:Conversation, Class.new(ActiveRecord::Base) { include TriggerErrors })
  Object.const_set(:Reply, Class.new(ActiveRecord::Base) { include TriggerErrors })
  Object.const_set(:Hostile, Class.new(ActiveRecord::Base) { self.table_name = "hostile"; include TriggerErrors })
end

def refused
  shown = "This conversation is already checked out"
  Conversation.create!(id: 1)
  mine = Conversation.find(1)
  theirs = Conversation.find(1)
  check "the first claim", mine.update(texter_id: 7), true
  check "the second claim", theirs.update(texter_id: 8), false
  check "its error", theirs.errors.to_hash, { texter_id: [shown] }
  check "in words", theirs.errors.full_messages, ["Texter #{shown}"]
  check "whose it is", Conversation.find(1).texter_id, 7
  error = raised(ActiveRecord::RecordInvalid) { theirs.save! }
  check "the record", error.record, theirs
  check "the message", error.message, "Validation failed: Texter #{shown}"
  check "the cause", error.cause.cause.class, PG::CheckViolation

  theirs = Conversation.find(1)
  Conversation.transaction do
    Conversation.create!(id: 2)
    Conversation.transaction(requires_new: true) do
      check "within a transaction", theirs.update(texter_id: 8), false
      raise ActiveRecord::Rollback
    end
    Conversation.create!(id: 3)
  end
  check "the transaction went on", Conversation.pluck(:id).sort, [1, 2, 3]

  note = Hostile.find(5)
  check "a hostile trigger", note.update(note: "other"), false
  check "its error", note.errors.to_hash, { note: ["Say \"\#{no}\" to 50% of \\it, 🐘"] }

  # What no trigger of ours refuses stays what it is.
  raised(ActiveRecord::NotNullViolation) { Reply.create(conversation_id: 1) }
  raised(ActiveRecord::InvalidForeignKey) { Reply.create(conversation_id: 99, texter_id: 1) }
  raised(ActiveRecord::StatementInvalid) { Conversation.where("no_such_column = 1").update_all(texter_id: 1) }
end

case direction
when "up"
  context.migrate
  check "versions", context.current_version, 20_261_130_120_004
  check "nothing is pending", context.needs_migration?, false
when "models"
  models
  refused
when "down"
  error = raised(StandardError) { context.rollback }
  check "the last one", error.message.include?("this migration cannot be taken back"), true
  check "it is there", context.current_version, 20_261_130_120_004
  ActiveRecord::Base.connection.execute("DELETE FROM schema_migrations WHERE version = '20261130120004'")
  context.rollback
  check "one step", context.current_version, 20_261_130_120_002
  context.migrate(0)
  check "all steps", context.current_version, 0
end
END_OF_FILE

in_rails() { ruby rails.rb "$1" "$server_dir" "$server_port" >out 2>err || fail "ActiveRecord: $1"; }
in_rails up
same "up" "$(state rails)" "$reference"
in_rails models
in_rails down
same "down" "$(state rails)" "$nothing"
