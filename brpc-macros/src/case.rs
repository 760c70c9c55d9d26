//! `rename_all`: how a method's name is written for callers, with the values that serde has.

/// A way to write names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// The values, for a sentence.
    pub(crate) const LISTED: &str = "`lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, \
         `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` and `SCREAMING-KEBAB-CASE`";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// Converts a method's name from snake case to this case.
    pub(crate) fn apply(self, method: &str) -> String {
        match self {
            Self::Lower | Self::Snake => method.to_owned(),
            Self::Upper | Self::ScreamingSnake => method.to_ascii_uppercase(),
            Self::Pascal => method.split('_').map(capitalized).collect(),
            Self::Camel => uncapitalized(&Self::Pascal.apply(method)),
            Self::Kebab => method.replace('_', "-"),
            Self::ScreamingKebab => Self::Upper.apply(method).replace('_', "-"),
        }
    }
}

/// A type's name in snake case; a run of capitals is one word.
pub(crate) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let after = letters.get(index + 1);
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                *before != '_'
                    && (!before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()))
            });
        if starts_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn uncapitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_serde_writes_them() {
        for (case, written) in [
            ("lowercase", "say_hello_2"),
            ("UPPERCASE", "SAY_HELLO_2"),
            ("PascalCase", "SayHello2"),
            ("camelCase", "sayHello2"),
            ("snake_case", "say_hello_2"),
            ("SCREAMING_SNAKE_CASE", "SAY_HELLO_2"),
            ("kebab-case", "say-hello-2"),
            ("SCREAMING-KEBAB-CASE", "SAY-HELLO-2"),
        ] {
            assert_eq!(Case::parse(case).unwrap().apply("say_hello_2"), written, "{case}");
            assert!(Case::LISTED.contains(case));
        }
        assert_eq!(Case::parse("Camel"), None);
    }

    #[test]
    fn a_run_of_capitals_is_one_word() {
        for (name, written) in [
            ("Greeter", "greeter"),
            ("DiskUsage", "disk_usage"),
            ("HTTPServer", "http_server"),
            ("ServerV2", "server_v2"),
            ("Already_Split", "already_split"),
            ("OS", "os"),
        ] {
            assert_eq!(snake(name), written);
        }
    }
}
