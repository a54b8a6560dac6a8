import Engine
import RESP

enum ClientHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "help", arity: 2, flags: [.loading, .stale], since: "5.0.0", summary: "Tells about the subcommands.")

  static func execute(_ call: inout ClientCall) { HelpReply.write("CLIENT", entries, to: call.reply) }

  private static let entries: [HelpReply.Entry] = [
    (
      "CACHING (YES|NO)", ["Whether the keys of the next command are tracked, in the modes OPTIN and OPTOUT."]
    ),
    ("GETREDIR", ["The connection that gets this one's messages about changed keys; -1 without tracking."]),
    ("GETNAME", ["The name of this connection."]),
    ("ID", ["The identifier of this connection."]),
    ("INFO", ["The line of CLIENT LIST for this connection."]),
    ("KILL <ip:port>", ["Close the connection that comes from <ip:port>."]),
    (
      "KILL <option> <value> [<option> <value> [...]]",
      [
        "Close all connections that match. Options are:",
        "* ID <client-id>",
        "  The connection with this identifier.",
        "* ADDR (<ip:port>|<unixsocket>:0)",
        "  Connections from this address.",
        "* LADDR (<ip:port>|<unixsocket>:0)",
        "  Connections to this address of the server.",
        "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "  Connections of this type.",
        "* USER <username>",
        "  Connections of this user.",
        "* MAXAGE <seconds>",
        "  Connections that are at least this old.",
        "* SKIPME (YES|NO)",
        "  Whether to spare the calling connection (default: yes).",
      ]
    ),
    (
      "LIST [options ...]",
      [
        "A line for each connection. Options are:",
        "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "  Only connections of this type.",
        "* ID <client-id> [<client-id> ...]",
        "  Only the connections with these identifiers.",
      ]
    ),
    ("NO-EVICT (ON|OFF)", ["Spare this connection when connections are closed for want of memory."]),
    ("NO-TOUCH (ON|OFF)", ["Let the commands of this connection leave the age of keys as it is."]),
    (
      "PAUSE <timeout> [WRITE|ALL]",
      ["Hold up all commands, or those that write, for <timeout> milliseconds."]
    ),
    ("REPLY (ON|OFF|SKIP)", ["Whether this connection is answered; SKIP leaves out one answer."]),
    (
      "SETINFO (LIB-NAME|LIB-VER) <value>",
      ["Tell which library, or which version of it, is at the other end."]
    ),
    ("SETNAME <name>", ["Name this connection."]),
    (
      "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
      [
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "Whether this connection is told of changes to keys that it has read.",
      ]
    ),
    ("TRACKINGINFO", ["How this connection is told of changed keys."]),
    ("UNBLOCK <clientid> [TIMEOUT|ERROR]", ["End the waiting of another connection."]),
    ("UNPAUSE", ["End a pause before its time."]),
  ]
}
