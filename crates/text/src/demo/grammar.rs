//! Sentences with places for phrases.

use super::phrases::{CITIES, GOODS, PEOPLE, Phrase, TALL, THINGS, VEHICLES, WEEKDAYS};
use crate::random::Random;

/// German, English. A name in braces is a place that one phrase fills on both sides; see [`phrase`].
const SENTENCES: &[(&str, &str)] = &[
    ("{count}", "{count}"),
    ("{price}", "{price}"),
    ("am {date} {year}", "on the {date} {year}"),
    ("{person} hat {count} {things} .", "{person} has {count} {things} ."),
    ("hat {person} {count} {things} ?", "does {person} have {count} {things} ?"),
    ("ich habe {count} {things} gekauft .", "i bought {count} {things} ."),
    ("auf dem tisch liegen {hundreds} {things} .", "there are {hundreds} {things} on the table ."),
    ("am {weekday} braucht {person} {hundreds} {things} .", "on {weekday} {person} needs {hundreds} {things} ."),
    ("{goods} kostet {price} .", "{goods} costs {price} ."),
    ("{person} hat {goods} für {price} verkauft .", "{person} sold {goods} for {price} ."),
    ("wir haben {price} bezahlt .", "we paid {price} ."),
    ("warum kostet {goods} {price} ?", "why does {goods} cost {price} ?"),
    ("{person} wurde am {date} {year} geboren .", "{person} was born on the {date} {year} ."),
    ("heute ist {weekday} , der {nominative} .", "today is {weekday} , the {nominative} ."),
    ("{person} kommt am {date} {time} .", "{person} is coming on the {date} {time} ."),
    ("{tall} ist aus dem jahr {year} .", "{tall} is from the year {year} ."),
    ("{vehicle} nach {city} fährt {time} ab .", "{vehicle} to {city} leaves {time} ."),
    ("am {weekday} kommt {vehicle} {time} an .", "on {weekday} {vehicle} arrives {time} ."),
    ("wir treffen uns am {weekday} {time} .", "we will meet on {weekday} {time} ."),
    ("kannst du {time} in {city} sein ?", "can you be in {city} {time} ?"),
    ("von {city} sind es noch {hundreds} kilometer .", "it is another {hundreds} kilometers from {city} ."),
    ("in {city} sind es heute {tens} grad .", "it is {tens} degrees in {city} today ."),
    ("{person} ist {tens} jahre alt .", "{person} is {tens} years old ."),
    ("{tall} in {city} ist {hundreds} meter hoch .", "{tall} in {city} is {hundreds} meters high ."),
    ("{person} wohnt in zimmer {hundreds} .", "{person} lives in room {hundreds} ."),
];

/// A sentence in both languages.
pub(super) fn sentence(random: &mut Random) -> Phrase {
    let (german, english) = random.choose(SENTENCES);
    let mut sentence = Phrase::new(*german, *english);
    while let Some((name, _)) = sentence.german.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        let place = format!("{{{name}}}");
        let phrase = phrase(name, random);
        sentence.german = sentence.german.replace(&place, &phrase.german);
        sentence.english = sentence.english.replace(&place, &phrase.english);
    }
    sentence
}

/// What may fill a place.
fn phrase(name: &str, random: &mut Random) -> Phrase {
    match name {
        "count" => Phrase::count(random),
        "tens" => Phrase::below_hundred(random),
        "hundreds" => Phrase::below_thousand(random),
        "price" => Phrase::price(random),
        "date" => Phrase::date(random),
        "nominative" => Phrase::date_nominative(random),
        "year" => Phrase::year(random),
        "time" => Phrase::time(random),
        "person" => Phrase::word(random, PEOPLE),
        "city" => Phrase::word(random, CITIES),
        "things" => Phrase::word(random, THINGS),
        "goods" => Phrase::word(random, GOODS),
        "tall" => Phrase::word(random, TALL),
        "vehicle" => Phrase::word(random, VEHICLES),
        "weekday" => Phrase::word(random, WEEKDAYS),
        _ => unreachable!("no phrase is named {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_on_both_sides() {
        for (german, english) in SENTENCES {
            let places = |text: &str| {
                let mut names: Vec<String> =
                    text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0.to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(places(german), places(english), "{german}");
            let distinct: std::collections::HashSet<_> = places(german).into_iter().collect();
            assert_eq!(distinct.len(), places(german).len(), "{german}: a place stands twice");
        }
    }
}
