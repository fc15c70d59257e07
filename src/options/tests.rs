use super::*;

fn parse(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Options, Stop> {
    let arguments = ["connector"].iter().chain(arguments).map(|&argument| argument.to_owned());
    Options::parse(arguments, |name| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn error(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    match parse(arguments, environment) {
        Err(Stop::Error(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn embedded_needs_nothing_else() {
    let options = parse(&["--embedded"], &[]).unwrap();
    assert_eq!(options.destination, Destination { database: "prometheus".into(), table: "metrics".into() });
    let embedded = options.embedded.unwrap();
    assert_eq!(embedded.listen_address.to_string(), "127.0.0.1:9202");
    assert_eq!(embedded.object_root, None);
    assert_eq!(options.web.listen_address.to_string(), ":9201");
    assert_eq!((options.read.max_retries, options.sink.max_retries), (3, 10));
    assert_eq!(options.write.timeout, Duration::from_secs(25));
}

#[test]
fn a_demo_is_embedded_and_keeps_its_data_only_where_it_is_told_to() {
    let data_dir = |arguments: &[&str], environment| parse(arguments, environment).unwrap().embedded.unwrap().data_dir;
    assert_eq!(data_dir(&["--embedded"], &[]), Some("data".into()));
    assert_eq!(data_dir(&["--demo"], &[]), None);
    assert_eq!(data_dir(&["--demo", "--embedded.data-dir=data"], &[]), Some("data".into()));
    assert_eq!(data_dir(&["--demo"], &[("embedded_data_dir", "kept")]), Some("kept".into()));
    assert!(error(&["--demo", "--web.config.file=web.yml"], &[]).contains("--demo writes to itself over HTTP"));
}

#[test]
fn a_flag_wins_over_the_environment_and_both_over_the_default() {
    let environment = [("embedded", "T"), ("region", "eu-west-1"), ("max_retries", "7"), ("log_level", "")];
    let options = parse(&["--region=ap-south-1"], &environment).unwrap();
    assert_eq!(options.clients.region, "ap-south-1");
    assert_eq!(options.read.max_retries, 7);
    assert_eq!(options.log.level, tracing::Level::INFO, "an empty variable is none");
    assert_eq!(parse(&["--embedded"], &[("AWS_REGION", "eu-north-1")]).unwrap().clients.region, "eu-north-1");
    assert_eq!(parse(&["--embedded"], &[("REGION", "x"), ("Region", "x")]).unwrap().clients.region, "us-east-1");
}

#[test]
fn aliases_are_taken() {
    let options = parse(&["--embedded", "--max-retries", "5", "--fail-on-invalid-sample"], &[]).unwrap();
    assert_eq!(options.read.max_retries, 5);
    assert!(options.write.policy.fail_on_invalid_sample_value);
}

#[test]
fn booleans_take_go_spellings_and_a_bare_flag_is_true() {
    for (text, value) in [("1", true), ("T", true), ("True", true), ("0", false), ("f", false), ("FALSE", false)] {
        let flag = format!("--fail-on-long-label={text}");
        assert_eq!(parse(&["--embedded", &flag], &[]).unwrap().write.policy.fail_on_long_label, value, "{text}");
    }
    assert!(parse(&["--embedded", "--fail-on-long-label"], &[]).unwrap().write.policy.fail_on_long_label);
    assert!(!parse(&["--embedded", "--enable-logging=false"], &[]).unwrap().log.enabled);
}

#[test]
fn no_destination_is_an_error() {
    assert!(error(&[], &[]).starts_with("MissingDestinationError: "));
    assert!(error(&["--default-table=tab"], &[]).starts_with("MissingDatabaseWithWriteError: "));
    assert!(error(&[], &[("default_database", "dat")]).starts_with("MissingTableWithWriteError: "));
    parse(&["--default-database=dat", "--default-table=tab"], &[]).unwrap();
}

#[test]
fn a_variable_in_capitals_is_told_of_where_the_small_one_is_missing() {
    let both = error(&[], &[("DEFAULT_DATABASE", "dat"), ("DEFAULT_TABLE", "tab")]);
    assert!(both.contains("DEFAULT_DATABASE is set, but the variable is default_database"), "{both}");
    assert!(both.contains("DEFAULT_TABLE is set"), "{both}");
    let table = error(&[], &[("default_database", "dat"), ("DEFAULT_TABLE", "tab")]);
    assert!(table.starts_with("MissingTableWithWriteError: ") && !table.contains("DEFAULT_DATABASE"), "{table}");
}

#[test]
fn names_of_database_and_table_follow_timestreams_rule() {
    let name = |flag: &str, value: &str| {
        let given = format!("--{flag}={value}");
        parse(&["--embedded", &given], &[]).map(|_| ()).map_err(|stop| match stop {
            Stop::Error(error) => error.to_string(),
            Stop::Help(text) => panic!("{text}"),
        })
    };
    for flag in ["default-database", "default-table"] {
        for good in ["abc", "a.b-c_D9", &"x".repeat(256)] {
            assert_eq!(name(flag, good), Ok(()), "{good}");
        }
        for bad in ["ab", "a b", "a/b", "données", &"x".repeat(257)] {
            let error = name(flag, bad).unwrap_err();
            assert!(error.contains("accepted: 3 to 256 letters"), "{error}");
        }
        for ended in ["metrics\n", "metrics ", "metrics\r\n"] {
            let error = name(flag, ended).unwrap_err();
            assert!(error.contains("without the blank or the line break at its end"), "{error}");
        }
    }
}

#[test]
fn a_bad_value_names_the_option_the_value_and_what_is_accepted() {
    for (name, flag, environment) in [
        ("ParseEnableLoggingError", "--enable-logging=yes", ("enable_logging", "yes")),
        ("ParseMetricLabelError", "--fail-on-long-label=yes", ("fail_on_long_label", "yes")),
        ("ParseSampleOptionError", "--fail-on-invalid-sample-value=yes", ("fail_on_invalid_sample_value", "yes")),
        ("ParseRetriesError", "--max-write-retries=yes", ("max_write_retries", "yes")),
        ("ParseOptionError", "--log.level=yes", ("log_level", "yes")),
        ("ParseOptionError", "--write.timeout=yes", ("write_timeout", "yes")),
        ("ParseOptionError", "--native-histograms=yes", ("native_histograms", "yes")),
        ("ParseOptionError", "--web.listen-address=yes", ("web_listen_address", "yes")),
        ("ParseOptionError", "--write-base-endpoint=yes", ("write_base_endpoint", "yes")),
    ] {
        let (flag_name, _) = flag.split_once('=').unwrap();
        let by_flag = error(&["--embedded", flag], &[]);
        assert!(by_flag.starts_with(&format!("{name}: {flag_name} is \"yes\"; accepted: ")), "{by_flag}");
        let by_environment = error(&["--embedded"], &[environment]);
        assert!(by_environment.starts_with(&format!("{name}: {} is \"yes\"", environment.0)), "{by_environment}");
    }
    for flag in ["--region=", "--region=us east", "--web.telemetry-path=/", "--web.telemetry-path=/write"] {
        assert!(error(&["--embedded", flag], &[]).starts_with("ParseOptionError: --"), "{flag}");
    }
    for path in ["/read", "/-/ready", "/api/v1/status/flags", "/page.js", "metrics"] {
        let flag = format!("--web.telemetry-path={path}");
        assert!(error(&["--embedded", &flag], &[]).contains("accepted: a free path"), "{flag}");
    }
    assert!(error(&["--embedded", "--nonsense"], &[]).contains("--nonsense"));
    assert!(error(&["--embedded", "--tls-key=k"], &[]).contains("--tls-certificate"));
}

#[test]
fn ha_pairs_are_told_apart_by_two_labels() {
    assert_eq!(parse(&["--embedded", "--ha.replica-label=r"], &[]).unwrap().write.ha, None);
    let ha = parse(&["--embedded", "--ha.enable", "--ha.failover-timeout=1m"], &[]).unwrap().write.ha.unwrap();
    assert_eq!((ha.cluster_label.as_str(), ha.replica_label.as_str()), ("cluster", "__replica__"));
    assert_eq!(ha.failover_timeout, Duration::from_secs(60));
    let same = error(&["--embedded", "--ha.enable", "--ha.replica-label=cluster"], &[]);
    assert!(same.contains("--ha.cluster-label and --ha.replica-label are both \"cluster\""), "{same}");
    let name = error(&["--embedded", "--ha.enable", "--ha.cluster-label=__name__"], &[]);
    assert!(name.contains("accepted: the name of a label"), "{name}");
}

#[test]
fn help_and_version_are_answers() {
    let Err(Stop::Help(help)) = parse(&["--help"], &[]) else { panic!() };
    for spec in OPTIONS {
        assert!(help.contains(&format!("--{}", spec.flag)), "{}", spec.flag);
    }
    let Err(Stop::Help(version)) = parse(&["--version"], &[]) else { panic!() };
    assert!(version.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_of_a_command_has_its_options_and_all_others() {
    for (name, _, own) in commands::COMMANDS {
        let Err(Stop::Help(help)) = parse(&[name, "--help"], &[]) else { panic!() };
        for spec in own.iter().chain(OPTIONS) {
            assert!(help.contains(&format!("--{}", spec.flag)), "{name} {}", spec.flag);
        }
        let Err(Stop::Help(help)) = parse(&["--help"], &[]) else { panic!() };
        assert!(help.contains(&format!("  {name} ")), "{help}");
    }
}

#[test]
fn options_stand_before_or_after_the_command() {
    let export = ["--start=0", "--end=1", "--format=openmetrics", "--to=out"];
    for arguments in [
        [&["--embedded", "--default-table=tab", "export"][..], &export[..]].concat(),
        [&["export"][..], &export, &["--embedded", "--default-table=tab"]].concat(),
    ] {
        let options = parse(&arguments, &[]).unwrap();
        assert!(options.embedded.is_some() && options.destination.table == "tab", "{arguments:?}");
        assert!(matches!(options.command, Command::Export(_)));
    }
    assert!(matches!(parse(&["--embedded"], &[]).unwrap().command, Command::Serve));
    assert!(error(&["serve"], &[]).starts_with("ParseOptionError: "));
    assert!(error(&[&["--demo", "export"][..], &export].concat(), &[]).contains("--demo"));
}

/// The options of all commands, as docs/configuration.md lists them.
fn all() -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS.iter().chain(commands::COMMANDS.iter().flat_map(|(_, _, own)| *own))
}

const PAGE: &str = include_str!("../../docs/configuration.md");

/// The tables of docs/configuration.md and the options are the same, group by group.
#[test]
fn the_documentation_lists_every_option() {
    let mut heading = "";
    let mut documented = Vec::new();
    for line in PAGE.lines() {
        match line.strip_prefix("## ") {
            Some(title) => heading = title,
            None if line.starts_with("| `--") => documented.push((heading, line.to_owned())),
            None => {}
        }
    }
    let rows: Vec<_> = all().map(|spec| (spec.group, row(spec))).collect();
    for (row, documented) in rows.iter().zip(&documented) {
        assert_eq!(row, documented, "left src/options, right docs/configuration.md, in this order");
    }
    assert_eq!(rows.len(), documented.len(), "rows of src/options and of docs/configuration.md");
}

/// An option that is only in the table would be accepted, but change nothing.
#[test]
fn every_option_is_read() {
    let of_all = include_str!("mod.rs");
    let (export, import) = (include_str!("export.rs"), include_str!("import.rs"));
    for (reading, specs) in [(of_all, OPTIONS), (export, EXPORT_OPTIONS), (import, IMPORT_OPTIONS)] {
        for spec in specs {
            assert!(reading.contains(&format!("\"{}\"", spec.flag)), "src/options does not read --{}", spec.flag);
        }
    }
}

/// The examples of docs/configuration.md are taken, and each option is in one of them.
#[test]
fn the_documentation_has_a_good_example_of_every_option() {
    let name = "timestream-prometheus-connector ";
    let examples: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix(name)).collect();
    for example in &examples {
        let arguments: Vec<&str> = example.split(' ').collect();
        assert!(parse(&arguments, &[]).is_ok(), "{example}: {:?}", parse(&arguments, &[]));
    }
    for spec in all() {
        let flag = format!("--{}", spec.flag);
        let shown = |example: &&str| example.split(' ').any(|word| word.split('=').next() == Some(&flag));
        assert!(examples.iter().any(shown), "no example of {flag} in docs/configuration.md");
    }
}

fn row(spec: &OptionSpec) -> String {
    let alias = spec.alias.map_or(String::new(), |alias| format!(", `--{alias}`"));
    let environment: Vec<String> = spec.environment.iter().map(|name| format!("`{name}`")).collect();
    let environment = if environment.is_empty() { "none".to_owned() } else { environment.join(", ") };
    let default = if spec.default.is_empty() { "none".to_owned() } else { format!("`{}`", spec.default) };
    format!("| `--{}`{alias} | {environment} | {default} | {} |", spec.flag, spec.help)
}
