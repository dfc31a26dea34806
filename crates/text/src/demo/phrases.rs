//! Phrases with a number in them, and the words that stand in the sentences' other places.

use super::{english, german};
use crate::random::Random;

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phrase {
    pub german: String,
    pub english: String,
}

/// German, English.
type Words = [(&'static str, &'static str)];

pub(super) const PEOPLE: &Words = &[
    ("anna", "anna"),
    ("peter", "peter"),
    ("maria", "maria"),
    ("thomas", "thomas"),
    ("lena", "lena"),
    ("paul", "paul"),
    ("meine schwester", "my sister"),
    ("mein bruder", "my brother"),
    ("die lehrerin", "the teacher"),
    ("der nachbar", "the neighbor"),
];

pub(super) const CITIES: &Words = &[
    ("berlin", "berlin"),
    ("hamburg", "hamburg"),
    ("münchen", "munich"),
    ("köln", "cologne"),
    ("wien", "vienna"),
    ("zürich", "zurich"),
    ("dresden", "dresden"),
    ("nürnberg", "nuremberg"),
];

/// Plurals that are the same in every case they stand in here.
pub(super) const THINGS: &Words = &[
    ("äpfel", "apples"),
    ("bücher", "books"),
    ("stühle", "chairs"),
    ("karten", "cards"),
    ("briefe", "letters"),
    ("eier", "eggs"),
    ("flaschen", "bottles"),
    ("blumen", "flowers"),
    ("fotos", "photos"),
    ("schlüssel", "keys"),
];

/// Feminine or neuter, so that they may stand as subject and as object alike.
pub(super) const GOODS: &Words = &[
    ("das brot", "the bread"),
    ("die butter", "the butter"),
    ("die lampe", "the lamp"),
    ("das fahrrad", "the bicycle"),
    ("das bett", "the bed"),
    ("die jacke", "the jacket"),
    ("das sofa", "the sofa"),
    ("die uhr", "the watch"),
];

pub(super) const TALL: &Words = &[
    ("der turm", "the tower"),
    ("der berg", "the mountain"),
    ("das haus", "the house"),
    ("der baum", "the tree"),
    ("die brücke", "the bridge"),
];

pub(super) const VEHICLES: &Words = &[("der zug", "the train"), ("der bus", "the bus")];

pub(super) const WEEKDAYS: &Words = &[
    ("montag", "monday"),
    ("dienstag", "tuesday"),
    ("mittwoch", "wednesday"),
    ("donnerstag", "thursday"),
    ("freitag", "friday"),
    ("samstag", "saturday"),
    ("sonntag", "sunday"),
];

/// With their days in a common year.
const MONTHS: [(&str, &str, usize); 12] = [
    ("januar", "january", 31),
    ("februar", "february", 28),
    ("märz", "march", 31),
    ("april", "april", 30),
    ("mai", "may", 31),
    ("juni", "june", 30),
    ("juli", "july", 31),
    ("august", "august", 31),
    ("september", "september", 30),
    ("oktober", "october", 31),
    ("november", "november", 30),
    ("dezember", "december", 31),
];

impl Phrase {
    pub fn new(german: impl Into<String>, english: impl Into<String>) -> Phrase {
        Phrase { german: german.into(), english: english.into() }
    }

    pub fn word(random: &mut Random, words: &Words) -> Phrase {
        let (german, english) = random.choose(words);
        Phrase::new(*german, *english)
    }

    /// A number of things from 2 on: half of them below 100, one in twelve of four digits or more.
    pub fn count(random: &mut Random) -> Phrase {
        Phrase::number(match random.below(24) {
            0..12 => between(random, 2, 99),
            12..22 => between(random, 100, 999),
            22 => between(random, 1_000, 9_999),
            _ => between(random, 10_000, 999_999),
        })
    }

    pub fn below_hundred(random: &mut Random) -> Phrase {
        Phrase::number(between(random, 2, 99))
    }

    pub fn below_thousand(random: &mut Random) -> Phrase {
        Phrase::number(between(random, 2, 999))
    }

    fn number(n: u32) -> Phrase {
        Phrase::new(german::cardinal(n), english::cardinal(n))
    }

    /// `drei euro fünfzig`, `zwölf euro`, `achtzig cent`.
    pub fn price(random: &mut Random) -> Phrase {
        let most = if random.below(3) == 0 { 999 } else { 99 };
        let euros = between(random, 1, most);
        let cents = between(random, 5, 99);
        let german_euros = format!("{} euro", german::before_a_noun(euros));
        let english_euros = format!("{} {}", english::cardinal(euros), if euros == 1 { "euro" } else { "euros" });
        match random.below(4) {
            0 => Phrase::new(german_euros, english_euros),
            1 => Phrase::new(
                format!("{} cent", german::before_a_noun(cents)),
                format!("{} cents", english::cardinal(cents)),
            ),
            _ => Phrase::new(
                format!("{german_euros} {}", german::cardinal(cents)),
                format!("{english_euros} {}", english::cardinal(cents)),
            ),
        }
    }

    /// `dritten mai`, after `am` or `dem`.
    pub fn date(random: &mut Random) -> Phrase {
        Phrase::day_with_ending(random, "en")
    }

    /// `dritte mai`, after `der`.
    pub fn date_nominative(random: &mut Random) -> Phrase {
        Phrase::day_with_ending(random, "e")
    }

    fn day_with_ending(random: &mut Random, ending: &str) -> Phrase {
        let (german, english, days) = *random.choose(&MONTHS);
        let day = between(random, 1, days as u32);
        Phrase::new(
            format!("{}{ending} {german}", german::ordinal(day)),
            format!("{} of {english}", english::ordinal(day)),
        )
    }

    /// `neunzehnhundertvierundachtzig`.
    pub fn year(random: &mut Random) -> Phrase {
        let year = match random.below(4) {
            0 => between(random, 1100, 1899),
            1 => between(random, 2000, 2029),
            _ => between(random, 1900, 1999),
        };
        Phrase::new(german::year(year), english::year(year))
    }

    /// `um halb vier`, `um viertel nach drei`, `um zehn vor acht`, `um neun uhr zwanzig abends`.
    pub fn time(random: &mut Random) -> Phrase {
        let hour = between(random, 1, 12);
        let next = hour % 12 + 1;
        let minutes = between(random, 2, 29);
        match random.below(8) {
            0 => Phrase::new(
                format!("um halb {}", german::cardinal(next)),
                format!("at half past {}", english::cardinal(hour)),
            ),
            1 => Phrase::new(
                format!("um viertel nach {}", german::cardinal(hour)),
                format!("at quarter past {}", english::cardinal(hour)),
            ),
            2 => Phrase::new(
                format!("um viertel vor {}", german::cardinal(hour)),
                format!("at quarter to {}", english::cardinal(hour)),
            ),
            3 => Phrase::new(
                format!("um {} nach {}", german::cardinal(minutes), german::cardinal(hour)),
                format!("at {} past {}", english::cardinal(minutes), english::cardinal(hour)),
            ),
            4 => Phrase::new(
                format!("um {} vor {}", german::cardinal(minutes), german::cardinal(hour)),
                format!("at {} to {}", english::cardinal(minutes), english::cardinal(hour)),
            ),
            _ => Phrase::clock(random),
        }
    }

    /// `um neun uhr zwanzig abends`: hour and minute, half of them with the part of the day.
    fn clock(random: &mut Random) -> Phrase {
        const PARTS: [(&str, &str, u32, u32); 3] = [
            ("morgens", "in the morning", 5, 11),
            ("nachmittags", "in the afternoon", 1, 5),
            ("abends", "in the evening", 6, 11),
        ];
        let minute = between(random, 0, 59);
        let (german_part, english_part, first, last) = match random.below(2) {
            0 => ("", "", 1, 12),
            _ => *random.choose(&PARTS),
        };
        let hour = between(random, first, last);
        let german_minute = if minute == 0 { String::new() } else { german::cardinal(minute) };
        let join = |words: [&str; 4]| words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        Phrase::new(
            join(["um", &format!("{} uhr", german::before_a_noun(hour)), &german_minute, german_part]),
            join(["at", &english::cardinal(hour), &english::two_digits(minute, ""), english_part]),
        )
    }
}

/// A number from `first` to `last`, both included.
fn between(random: &mut Random, first: u32, last: u32) -> u32 {
    first + random.below((last - first + 1) as usize) as u32
}
