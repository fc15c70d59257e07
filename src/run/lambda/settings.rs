//! Options in Lambda. In practice they come only from the environment, since a function has no command line to set.

/// The write path may hold one part in so many of the function's memory, and the read path as much.
const MEMORY_SHARE: u64 = 4;

/// Looks up options in `variables` as Lambda needs it: under the name of the option's variable, or the same in upper
/// case, and else the default for Lambda if it differs from the daemon's.
pub fn environment(variables: impl Fn(&str) -> Option<String>) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let set = |name: &str| variables(name).filter(|value| !value.is_empty());
        let memory_share = || {
            let megabytes: u64 = set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?.parse().ok()?;
            Some(format!("{}MiB", (megabytes / MEMORY_SHARE).clamp(16, 512)))
        };
        set(name).or_else(|| set(&name.to_ascii_uppercase())).or_else(|| match name {
            // API Gateway or the function's URL lets callers in, and the function has a role.
            "enable_sigv4_auth" => Some("true".to_owned()),
            "log_format" => Some("json".to_owned()),
            "write_memory_limit" | "read_memory_limit" | "read_max_bytes" => memory_share(),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::error::Error;
    use crate::options::{Options, Stop};
    use crate::telemetry::log::Format;

    fn parse(variables: &[(&str, &str)]) -> Result<Options, Error> {
        let variables =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Options::parse(["bootstrap".to_owned()], super::environment(variables)).map_err(|stop| match stop {
            Stop::Error(error) => error,
            Stop::Help(text) => panic!("{text}"),
        })
    }

    const DESTINATION: [(&str, &str); 2] = [("default_database", "dat"), ("default_table", "tab")];

    #[test]
    fn lambda_has_defaults_of_its_own() {
        let options = parse(&DESTINATION).unwrap();
        assert!(options.enable_sigv4_auth);
        assert_eq!(options.log.format, Format::Json);
        assert_eq!(options.write_memory_limit, 128 << 20);
        let with_memory = [DESTINATION.as_slice(), &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")]].concat();
        let options = parse(&with_memory).unwrap();
        assert_eq!((options.write_memory_limit, options.read.max_bytes), (64 << 20, 64 << 20));
    }

    #[test]
    fn upper_case_is_taken_where_lower_case_is_not_set() {
        let options = parse(&[
            ("DEFAULT_DATABASE", "upper"),
            ("default_database", "lower"),
            ("DEFAULT_TABLE", "tab"),
            ("default_table", ""),
            ("ENABLE_SIGV4_AUTH", "false"),
            ("WRITE_TIMEOUT", "7s"),
            ("AWS_REGION", "eu-west-1"),
        ])
        .unwrap();
        assert_eq!((options.destination.database.as_str(), options.destination.table.as_str()), ("lower", "tab"));
        assert!(!options.enable_sigv4_auth);
        assert_eq!(options.write.timeout, Duration::from_secs(7));
        assert_eq!(options.clients.region, "eu-west-1");
    }

    #[test]
    fn what_is_wrong_is_an_error_with_its_name() {
        assert_eq!(parse(&[]).unwrap_err().name(), "MissingDestinationError");
        let bad = [DESTINATION.as_slice(), &[("MAX_WRITE_RETRIES", "many")]].concat();
        assert_eq!(parse(&bad).unwrap_err().name(), "ParseRetriesError");
    }
}
