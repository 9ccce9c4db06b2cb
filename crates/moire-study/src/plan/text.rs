//! Values that a plan spells as text, each checked where it is read, so that an error has its line and column.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is read from text.
struct Text<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from, |text| text.parse().map(Self))
    }
}

/// What `parse` makes of a text. It is called where the text is read, so that an error has the text's own place.
fn parsed<'de, T, E: Display, D: Deserializer<'de>>(
    from: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    struct Parser<P>(P);

    impl<T, E: Display, P: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Parser<P> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<F: de::Error>(self, text: &str) -> Result<T, F> {
            (self.0)(text).map_err(F::custom)
        }
    }

    from.deserialize_str(Parser(parse))
}

/// One value.
pub(super) mod one {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer, Text};

    pub(in crate::plan) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(in crate::plan) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        Text::deserialize(from).map(|text| text.0)
    }
}

/// A value that may be absent.
#[allow(clippy::ref_option, reason = "serde's own signature")]
pub(super) mod option {
    use super::{Deserialize, Deserializer, Display, FromStr, Serialize, Serializer, Text};

    pub(in crate::plan) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(in crate::plan) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        Text::deserialize(from).map(|text| Some(text.0))
    }
}

/// Many values.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer, Text};

    pub(in crate::plan) fn serialize<T: Display, S: Serializer>(
        values: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(in crate::plan) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        Ok(Vec::<Text<T>>::deserialize(from)?.into_iter().map(|text| text.0).collect())
    }
}

/// Many values that may be absent.
#[allow(clippy::ref_option, reason = "serde's own signature")]
pub(super) mod lists {
    use super::{Deserializer, Display, FromStr, Serializer, list};

    pub(in crate::plan) fn serialize<T: Display, S: Serializer>(
        values: &Option<Vec<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        list::serialize(values.as_deref().unwrap_or_default(), to)
    }

    pub(in crate::plan) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<T>>, D::Error> {
        list::deserialize(from).map(Some)
    }
}

/// One text or a list of them, each of which may stand for several values.
pub(super) fn one_or_many<'de, T, E: Display, D: Deserializer<'de>>(
    from: D,
    expected: &'static str,
    parse: fn(&str) -> Result<Vec<T>, E>,
) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T, E> {
        expected: &'static str,
        parse: fn(&str) -> Result<Vec<T>, E>,
        made: PhantomData<T>,
    }

    impl<'de, T, E: Display> Visitor<'de> for OneOrMany<T, E> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}, or a list of them", self.expected)
        }

        fn visit_str<F: de::Error>(self, text: &str) -> Result<Self::Value, F> {
            (self.parse)(text).map_err(F::custom)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(values) = texts.next_element_seed(Item(self.parse))? {
                all.extend(values);
            }
            Ok(all)
        }
    }

    struct Item<T, E>(fn(&str) -> Result<Vec<T>, E>);

    impl<'de, T, E: Display> de::DeserializeSeed<'de> for Item<T, E> {
        type Value = Vec<T>;

        fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
            parsed(from, self.0)
        }
    }

    from.deserialize_any(OneOrMany { expected, parse, made: PhantomData })
}
