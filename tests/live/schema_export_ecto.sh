#!/usr/bin/env bash
# pgrace schema export --to ecto. Elixir reads the migrations; Ecto is not packaged by Debian, so `execute` is one of the
# test's own, which sends the SQL as Postgrex does: as a prepared statement, of the extended protocol, that a server
# refuses when it is more than one.
source "$(dirname "$0")/../support/lib.sh"
source "$(dirname "$0")/../support/export.sh"
command -v psql >/dev/null || skip "psql is not installed"
command -v elixir >/dev/null || skip "elixir is not installed"
cd "$work"
hostile_folder
start_server given -c client_min_messages=warning
make_reference
boss -c 'CREATE DATABASE ecto'
# The little client has no SCRAM.
sed -i '1i local all boss trust' "$server_dir/data/pg_hba.conf"
boss -c 'SELECT pg_reload_conf()' >/dev/null

run 0 schema export --to ecto --app MyApp --out migrations --stamp 20261130120000
same "files" "$(ls migrations | tr '\n' ' ')" "20261130120000_inbox.exs 20261130120001_conversation_texter_assignment.exs \
20261130120002_hostile_texts.exs 20261130120003_hostile_texts_4.exs 20261130120004_final.exs "
sed '1,/^==> for the application <==$/d' out >changeset.exs

cat >ecto.exs <<'END_OF_FILE'
defmodule Client do
  def connect(path, database) do
    {:ok, socket} = :gen_tcp.connect({:local, path}, 0, [:binary, active: false])
    body = <<196_608::32, "user", 0, "boss", 0, "database", 0, database::binary, 0, 0>>
    :ok = :gen_tcp.send(socket, <<byte_size(body) + 4::32, body::binary>>)
    {:ok, _} = ready(socket, :ok)
    socket
  end

  def query(socket, sql) do
    :ok = :gen_tcp.send(socket, [
      message(?P, <<0, sql::binary, 0, 0::16>>),
      message(?B, <<0, 0, 0::16, 0::16, 0::16>>),
      message(?E, <<0, 0::32>>),
      message(?S, "")
    ])
    ready(socket, :ok)
  end

  def query!(socket, sql) do
    case query(socket, sql) do
      {:ok, _} -> :ok
      {:error, fields} -> raise "#{inspect(fields)} of:\n#{sql}"
    end
  end

  defp message(kind, body), do: <<kind, byte_size(body) + 4::32, body::binary>>

  # An error's fields by their letters.
  defp ready(socket, result) do
    {:ok, <<kind, len::32>>} = :gen_tcp.recv(socket, 5)
    body = if len > 4, do: elem({:ok, _} = :gen_tcp.recv(socket, len - 4), 1), else: ""
    case kind do
      ?Z when result == :ok -> {:ok, nil}
      ?Z -> {:error, result}
      ?E -> ready(socket, for(<<letter, rest::binary>> <- String.split(body, <<0>>), into: %{}, do: {letter, rest}))
      _ -> ready(socket, result)
    end
  end
end

defmodule Ecto.Migration do
  defmacro __using__(_), do: quote(do: import(Ecto.Migration))
  def execute(sql) when is_binary(sql), do: Client.query!(Process.get(:socket), sql)
end

defmodule Ecto.MigrationError do
  defexception [:message]
end

defmodule Changeset do
  def check_constraint(list, field, options) when is_atom(field), do: list ++ [{field, options}]
end

defmodule Check do
  # A module of the name expected, that uses Ecto.Migration and has up and down; nothing but execute of constant texts.
  def module({:defmodule, _, [{:__aliases__, _, name}, [do: {:__block__, _, [use, up, down]}]]}) do
    {:use, _, [{:__aliases__, _, [:Ecto, :Migration]}]} = use
    {function(up, :up), function(down, :down)}
    Module.concat(name)
  end

  defp function({:def, _, [{name, _, nil}, [do: body]]}, name) do
    for call <- calls(body) do
      case call do
        {:execute, _, [text]} when is_binary(text) -> :ok
        {:execute, _, [{:sigil_S, _, [{:<<>>, _, [text]}, []]}]} when is_binary(text) -> :ok
        {:raise, _, [{:__aliases__, _, [:Ecto, :MigrationError]}, text]} when is_binary(text) -> :ok
      end
    end
  end

  defp calls({:__block__, _, calls}), do: calls
  defp calls(call), do: [call]
end

[path, direction] = System.argv()
socket = Client.connect(path, "ecto")
Process.put(:socket, socket)
files = Path.wildcard("migrations/*.exs") |> Enum.sort()
modules = for file <- files, do: file |> File.read!() |> Code.string_to_quoted!(file: file) |> Check.module()

^modules =
  Enum.map(~w(Inbox ConversationTexterAssignment HostileTexts HostileTexts4 Final), &Module.concat(MyApp.Repo.Migrations, &1))

for file <- files, do: Code.compile_file(file)

case direction do
  "up" ->
    {:error, %{?C => "42601"}} = Client.query(socket, "SELECT 1; SELECT 2")
    for module <- modules do
      Client.query!(socket, "BEGIN")
      module.up()
      Client.query!(socket, "COMMIT")
    end

  "changeset" ->
    # The lines as they stand in a function: of each trigger what it is refused by, as Ecto compares it.
    lines = File.read!("changeset.exs")
    {shown, _} = Code.eval_string("import Changeset\n[]\n" <> lines)

    [
      {:texter_id, "UPDATE conversations SET texter_id = 8", "This conversation is already checked out"},
      {:note, "UPDATE hostile SET note = 'x'", "Say \"\#{no}\" to 50% of \\it, 🐘"}
    ]
    |> Enum.zip(shown)
    |> Enum.each(fn {{field, sql, message}, {field, options}} ->
      {:error, %{?C => "23514", ?n => constraint}} = Client.query(socket, sql)
      ^constraint = to_string(options[:name])
      ^message = options[:message]
    end)

    2 = length(shown)

  "down" ->
    [final | others] = Enum.reverse(modules)
    try do
      final.down()
      raise "it was taken back"
    rescue
      Ecto.MigrationError -> :ok
    end
    for module <- others do
      Client.query!(socket, "BEGIN")
      module.down()
      Client.query!(socket, "COMMIT")
    end
end
END_OF_FILE

# in_elixir DIRECTION; warnings, as of a heredoc whose lines are outdented, are errors, too
in_elixir() {
  elixir ecto.exs "$server_dir/.s.PGSQL.$server_port" "$1" >out 2>err || fail "Elixir: $1"
  ! grep -q warning err || fail "Elixir warns"
}
in_elixir up
same "up" "$(state ecto)" "$reference"
boss -d ecto -c 'INSERT INTO conversations VALUES (1, 7)'
in_elixir changeset
in_elixir down
same "down" "$(state ecto)" "$nothing"
