//! `strftime` and `date_format` of a time stamp. The clock is not read here, and the zone is UTC.

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::object_call::{Args, text_of};
use crate::renderers::jinja::value::Py;

pub(super) fn find(name: &str) -> Option<Filter> {
    matches!(name, "strftime" | "date_format").then_some(|_, value, args, _| strftime(&value, args))
}

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

struct Date {
    year: i64,
    month: usize,
    day: i64,
    second_of_day: i64,
    micros: i64,
    /// From Sunday.
    weekday: usize,
    day_of_year: i64,
}

fn strftime(value: &Py, args: Args) -> Outcome<Py> {
    let [format] = args.bind("strftime", ["format"])?;
    let format = format.as_ref().map_or(Ok("%Y-%m-%d"), text_of)?.to_owned();
    let stamp = match value.as_str() {
        Some(text) => super::numbers::parse_float(text),
        None if value.is_none() => {
            return Err(Fault::python(
                "the current time is not available to a template on the master",
            ));
        }
        None => value.as_float(),
    };
    let stamp = stamp.filter(|stamp| stamp.abs() < 2.5e11).ok_or_else(|| {
        let shown = value.as_str().unwrap_or_else(|| value.type_name());
        Fault::python(format!(
            "Unable to parse {shown}. Consider installing timelib"
        ))
    })?;
    Ok(Py::from(written(&date_of(stamp), &format, stamp)?))
}

/// Days since 1970 to a date of the Gregorian calendar (Howard Hinnant's algorithm).
fn date_of(stamp: f64) -> Date {
    let seconds = stamp.floor() as i64;
    let micros = ((stamp - stamp.floor()) * 1e6).round() as i64;
    let days = seconds.div_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_march_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_march_year + 2) / 153;
    let day = day_of_march_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][(month - 1) as usize];
    Date {
        year,
        month: month as usize,
        day,
        second_of_day: seconds.rem_euclid(86_400),
        micros,
        weekday: (days + 4).rem_euclid(7) as usize,
        day_of_year: before + day + i64::from(is_leap && month > 2),
    }
}

fn written(date: &Date, format: &str, stamp: f64) -> Outcome<String> {
    let (hour, minute) = (date.second_of_day / 3600, date.second_of_day / 60 % 60);
    let second = date.second_of_day % 60;
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month = MONTHS[date.month - 1];
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let piece = match characters.next() {
            Some('Y') => date.year.to_string(),
            Some('y') => format!("{:02}", date.year.rem_euclid(100)),
            Some('m') => format!("{:02}", date.month),
            Some('d') => format!("{:02}", date.day),
            Some('e') => format!("{:2}", date.day),
            Some('H') => format!("{hour:02}"),
            Some('I') => format!("{twelve:02}"),
            Some('M') => format!("{minute:02}"),
            Some('S') => format!("{second:02}"),
            Some('f') => format!("{:06}", date.micros),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Some('j') => format!("{:03}", date.day_of_year),
            Some('a') => DAYS[date.weekday][..3].to_owned(),
            Some('A') => DAYS[date.weekday].to_owned(),
            Some('b' | 'h') => month[..3].to_owned(),
            Some('B') => month.to_owned(),
            Some('w') => date.weekday.to_string(),
            Some('u') => if date.weekday == 0 { 7 } else { date.weekday }.to_string(),
            Some('s') => format!("{}", stamp.floor()),
            Some('F') => written(date, "%Y-%m-%d", stamp)?,
            Some('T' | 'X') => written(date, "%H:%M:%S", stamp)?,
            Some('R') => written(date, "%H:%M", stamp)?,
            Some('D' | 'x') => written(date, "%m/%d/%y", stamp)?,
            Some('c') => written(date, "%a %b %e %H:%M:%S %Y", stamp)?,
            Some('n') => "\n".to_owned(),
            Some('t') => "\t".to_owned(),
            Some('z' | 'Z') => String::new(),
            Some('%') => "%".to_owned(),
            other => {
                let other = other.map_or(String::new(), String::from);
                return Err(Fault::python(format!(
                    "strftime does not know %{other} here"
                )));
            }
        };
        out.push_str(&piece);
    }
    Ok(out)
}
