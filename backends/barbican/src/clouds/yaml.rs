//! As much of YAML as `clouds.yaml` needs: scalars as texts, lists, mappings with texts for keys, aliases and merge
//! keys (`<<`), which `PyYAML` reads too.
//!
//! The parser is saphyr-parser; what it finds is put together here, because the loaders that there are expand aliases
//! without a bound that holds. Here an alias shares what it stands for, whatever its size.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};

use crate::limits::{MAX_YAML_DEPTH, MAX_YAML_NODES};

/// A value. Its texts may be secrets: nothing shows them.
#[derive(Clone)]
pub(super) enum Node {
    /// `None` is null: `~`, `null` or nothing at all.
    Scalar(Option<Arc<str>>),
    List(Arc<[Node]>),
    Mapping(Arc<[(Arc<str>, Node)]>),
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| **name == *key).map(|(_, node)| node)
    }

    pub(super) fn entries(&self) -> &[(Arc<str>, Self)] {
        match self {
            Self::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => text.as_deref(),
            _ => None,
        }
    }
}

/// What is wrong with a document, and where; nothing of its text, which may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct YamlError {
    line: usize,
    what: String,
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        Self { line: error.marker().line(), what: error.info().to_owned() }
    }
}

/// Reads a document, and refuses a second one.
pub(super) fn read(text: &str) -> Result<Node, YamlError> {
    let mut composer =
        Composer { parser: Parser::new_from_str(text), line: 0, anchors: Vec::new(), nodes: 0 };
    let mut document = None;
    loop {
        match composer.next()? {
            Event::StreamEnd => return Ok(document.unwrap_or(Node::Scalar(None))),
            Event::DocumentStart(_) if document.is_some() => return Err(composer.error("a second document")),
            event @ (Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..)
            | Event::Alias(_)) => {
                document = Some(composer.node(event, 0)?);
            }
            _ => {}
        }
    }
}

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    line: usize,
    /// By the parser's numbers, which count anchors.
    anchors: Vec<(usize, Node)>,
    nodes: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<Event<'a>, YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err(error.into()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn error(&self, what: &str) -> YamlError {
        YamlError { line: self.line, what: what.to_owned() }
    }

    fn count(&mut self, nodes: usize) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_YAML_NODES { Err(self.error("too large a document")) } else { Ok(()) }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, YamlError> {
        self.count(1)?;
        if depth >= MAX_YAML_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor),
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                (anchor, Node::Scalar((!is_null).then(|| Arc::from(&*text))))
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.mapping(depth)?),
            _ => return Err(self.error("an unexpected end")),
        };
        // The parser's numbers begin with one; nothing has none.
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    /// What was named before, and is whole: nothing can hold itself.
    fn alias(&self, anchor: usize) -> Result<Node, YamlError> {
        match self.anchors.binary_search_by_key(&anchor, |(number, _)| *number) {
            Ok(index) => self.anchors.get(index).map(|(_, node)| node.clone()),
            Err(_) => None,
        }
        .ok_or_else(|| self.error("an alias for what it stands in"))
    }

    fn list(&mut self, depth: usize) -> Result<Node, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Node::List(items.into())),
                event => items.push(self.node(event, depth.saturating_add(1))?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, YamlError> {
        let mut entries: Vec<(Arc<str>, Node)> = Vec::new();
        let mut merged = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        loop {
            let event = self.next()?;
            let is_plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, _, _));
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, depth.saturating_add(1))?;
            let Some(key) = key.text().map(Arc::<str>::from) else {
                return Err(self.error("a key that is no text"));
            };
            let event = self.next()?;
            let value = self.node(event, depth.saturating_add(1))?;
            if is_plain && *key == *"<<" {
                merged.push(value);
            } else if names.insert(Arc::clone(&key)) {
                entries.push((key, value));
            } else {
                return Err(self.error("a key that stands twice in its mapping"));
            }
        }
        for source in merged.iter().flat_map(|source| match source {
            Node::List(items) => items.iter().collect::<Vec<_>>(),
            one => vec![one],
        }) {
            self.count(source.entries().len())?;
            for (key, value) in source.entries() {
                // What stands there itself, or in an earlier source, wins.
                if names.insert(Arc::clone(key)) {
                    entries.push((Arc::clone(key), value.clone()));
                }
            }
        }
        Ok(Node::Mapping(entries.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// As JSON, which has less to look at.
    fn shown(node: &Node) -> String {
        let joined = |parts: Vec<String>| parts.join(",");
        match node {
            Node::Scalar(None) => "null".to_owned(),
            Node::Scalar(Some(text)) => format!("{text:?}"),
            Node::List(items) => format!("[{}]", joined(items.iter().map(shown).collect())),
            Node::Mapping(entries) => {
                let entries = entries.iter().map(|(key, node)| format!("{key:?}:{}", shown(node)));
                format!("{{{}}}", joined(entries.collect()))
            }
        }
    }

    #[test]
    fn a_document_is_read_as_texts_lists_and_mappings() {
        for (text, expected) in [
            ("", "null"),
            ("a: 1\nb: 'x: y'\n", r#"{"a":"1","b":"x: y"}"#),
            (
                "password: 0123\ntoo: !!str 0x10\nverify: no",
                r#"{"password":"0123","too":"0x10","verify":"no"}"#,
            ),
            ("a: ~\nb:\nc: null\nd: 'null'\ne: ''", r#"{"a":null,"b":null,"c":null,"d":"null","e":""}"#),
            ("{\"a\": [\"b\", {\"c\": 1}]}", r#"{"a":["b",{"c":"1"}]}"#),
            ("---\na: b # c\n...\n", r#"{"a":"b"}"#),
            ("a: &x {b: c}\nd: *x", r#"{"a":{"b":"c"},"d":{"b":"c"}}"#),
            ("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3", r#"{"x":{"a":"1","b":"2"},"y":{"b":"3","a":"1"}}"#),
            ("y:\n  <<: [{a: 1}, {a: 2, b: 2}]", r#"{"y":{"a":"1","b":"2"}}"#),
            ("'<<': {a: 1}", r#"{"<<":{"a":"1"}}"#),
        ] {
            assert_eq!(shown(&read(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_its_text() {
        for (text, expected) in [
            ("a: 1\na: 2", "line 2: a key that stands twice"),
            ("a: &x [*x]", "line 1: "),
            ("a: b\n---\nc: d", "line 2: a second document"),
            ("a: b\n[x]: c", "line 2: "),
            ("? {a: hunter2}\n: b", "line 1: a key that is no text"),
            ("a: *hunter2", "line 1: "),
            ("a:\n\t- hunter2\n  b", "line "),
            ("a: 'hunter2", "line "),
            ("a: [hunter2", "line "),
        ] {
            let error = read(text).err().expect(text).to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn aliases_cost_nothing_however_much_they_stand_for() {
        let began = Instant::now();
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..64 {
            let before = level - 1;
            bomb.push_str(&format!(
                "a{level}: &a{level} [{}*a{before}]\n",
                format!("*a{before}, ").repeat(8)
            ));
        }
        assert!(read(&bomb).is_ok());
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_document_is_read_up_to_its_bounds() {
        // The mapping, and two for each entry.
        let entries = |count: usize| (0..count).map(|n| format!("k{n}: v\n")).collect::<String>();
        let most = (MAX_YAML_NODES - 1) / 2;
        assert!(read(&entries(most)).is_ok());
        assert!(read(&entries(most + 1)).err().unwrap().to_string().contains("too large"));

        let merged = |times: usize| {
            let entries: String = (0..100).map(|n| format!("  k{n}: v\n")).collect();
            format!(
                "a: &a\n{entries}{}",
                (0..times).map(|n| format!("m{n}: {{<<: *a}}\n")).collect::<String>()
            )
        };
        assert!(read(&merged(300)).is_ok());
        assert!(read(&merged(320)).err().unwrap().to_string().contains("too large"));

        let nested = |depth: usize| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(MAX_YAML_DEPTH - 1)).is_ok());
        assert!(read(&nested(MAX_YAML_DEPTH)).err().unwrap().to_string().contains("too deeply"));
        assert!(read(&nested(100_000)).is_err());
    }
}
