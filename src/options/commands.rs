//! What the binary does beside serving, each with the options of that alone. They have no environment variables: such a
//! command is for a person at a terminal.

use super::table::{OptionSpec, option, repeated, switch};

const EXPORT: &str = "Export";
const IMPORT: &str = "Import";

/// Names, what they do, and their options.
pub(super) const COMMANDS: &[(&str, &str, &[OptionSpec])] = &[
    ("export", "Write samples to OpenMetrics files, or send them to a remote write receiver", EXPORT_OPTIONS),
    ("import", "Read samples from OpenMetrics files", IMPORT_OPTIONS),
];

/// The options of `export` alone, in the order of its help.
#[rustfmt::skip]
pub const EXPORT_OPTIONS: &[OptionSpec] = &[
    option(EXPORT, "start", &[], "TIME", "", "The first time to export: RFC 3339, a date in UTC, or Unix seconds"),
    option(EXPORT, "end", &[], "TIME", "", "The time before which the export ends: a sample of this very time is not exported"),
    repeated(option(EXPORT, "match", &[], "SELECTOR", "", "A selector such as up{job=\"x\"}; may be given several times, and exports what any of them selects; without it all series")),
    option(EXPORT, "format", &[], "FORMAT", "openmetrics", "openmetrics writes files, remote-write sends to a receiver"),
    option(EXPORT, "to", &[], "DIR|URL", "", "The directory of the files, made where it is missing, or the URL of the receiver"),
    option(EXPORT, "state", &[], "FILE", "", "Where finished pieces are noted, so that an interrupted export goes on where it was; in the directory of the files unless set, and needed for remote-write"),
    option(EXPORT, "compression", &[], "HOW", "gzip", "gzip or none, of OpenMetrics files"),
    option(EXPORT, "max-file-size", &[], "BYTES", "1GiB", "Text of an OpenMetrics file before compression, after which the next series begins another file of the day"),
    option(EXPORT, "parallel", &[], "N", "2", "Days that are read side by side, at most 64; remote-write reads one hour after the other"),
    option(EXPORT, "to.username", &[], "NAME", "", "User for the receiver's basic auth; needs --to.password-file"),
    option(EXPORT, "to.password-file", &[], "FILE", "", "File with the password for the receiver's basic auth; needs --to.username"),
    option(EXPORT, "to.bearer-token-file", &[], "FILE", "", "File with the bearer token for the receiver"),
    option(EXPORT, "to.tenant", &[], "NAME", "", "Tenant for Mimir, Cortex and Thanos, sent as X-Scope-OrgID and THANOS-TENANT"),
    switch(EXPORT, "dry-run", &[], "false", "Say how many series, samples, bytes and queries it will be, and export nothing"),
];

/// The options of `import` alone, in the order of its help.
#[rustfmt::skip]
pub const IMPORT_OPTIONS: &[OptionSpec] = &[
    option(IMPORT, "from", &[], "FILE|DIR|-", "", "OpenMetrics text with timestamps, gzip or plain: a file, the files of a directory that end with .om, .openmetrics, .prom or .txt, or one of these and .gz, in the order of their names, or standard input"),
    option(IMPORT, "state", &[], "FILE", "", "Where it is noted how far the import has come, so that an interrupted one goes on where it was; beside the file or in the directory unless set; of standard input only if set"),
    option(IMPORT, "give-up-after", &[], "DURATION", "15m", "How long samples that Timestream does not take for now are sent again, before the import ends"),
];
