//! A line chart: drawn on the server, without a style or a script of its own. Lines stand in an SVG that is stretched to
//! its place; words and figures stand around it as text, so that they are as large on a phone; the same figures follow as a
//! table.

use maud::{Markup, html};

use crate::{domain::Language, locale::say};

/// Lines of different colours; there are no more.
pub(super) const LINES_MAX: usize = 4;
/// The drawing's own units from the floor to the top of the scale, and between two steps.
const HEIGHT: f64 = 400.0;
const STEP: usize = 4;

/// One line.
pub(super) struct Line {
    pub(super) name: String,
    /// A value of each step; none where there is nothing to tell.
    pub(super) values: Vec<Option<f64>>,
    /// The same of each row of the table.
    pub(super) rows: Vec<Option<f64>>,
}

/// What is drawn.
pub(super) struct Chart {
    /// Its element's id.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// What it tells, in a sentence.
    pub(super) words: String,
    /// How its values are written.
    pub(super) write: fn(Language, f64) -> String,
    pub(super) lines: Vec<Line>,
    /// Moments along the axis, evenly.
    pub(super) moments: Vec<String>,
    /// When the table's rows begin.
    pub(super) row_names: Vec<String>,
}

impl Chart {
    pub(super) fn draw(&self, language: Language) -> Markup {
        let top = self.lines.iter().flat_map(|line| &line.values).flatten().copied().fold(0.0, f64::max);
        let is_empty = self.lines.iter().all(|line| line.values.iter().all(Option::is_none));
        html! {
            h2 { (self.title) }
            p.muted { (self.words) }
            @if is_empty {
                p { (say!(language, "dash-no-samples")) }
            } @else {
                (self.legend(language))
                (self.plot(language, ceiling(top)))
                (self.table(language))
            }
        }
    }

    /// The lines' names with their latest values.
    fn legend(&self, language: Language) -> Markup {
        html! {
            ul.legend {
                @for (number, line) in self.lines.iter().enumerate() {
                    li {
                        svg class={ "swatch line" (number) } viewBox="0 0 16 4" aria-hidden="true" {
                            path d="M0 2H16" {}
                        }
                        (line.name) " " strong { (latest(line).map_or("–".to_owned(), |it| (self.write)(language, it))) }
                    }
                }
            }
        }
    }

    fn plot(&self, language: Language, top: f64) -> Markup {
        let width = self.lines.first().map_or(0, |line| line.values.len().saturating_sub(1) * STEP);
        let (title, words) = (format!("{}-t", self.id), format!("{}-d", self.id));
        let write = |value| (self.write)(language, value);
        html! {
            div.plot {
                div.scale aria-hidden="true" { span { (write(top)) } span { (write(top / 2.0)) } span { (write(0.0)) } }
                svg role="img" aria-labelledby={ (title) " " (words) } preserveAspectRatio="none"
                    viewBox={ "0 0 " (width) " " (HEIGHT) } {
                    title id=(title) { (self.title) }
                    desc id=(words) { (self.told(language)) }
                    path.grid d=(format!("M0 0H{width}M0 {}H{width}M0 {HEIGHT}H{width}", HEIGHT / 2.0)) {}
                    @for (number, line) in self.lines.iter().enumerate() {
                        path class={ "line" (number) } d=(trace(&line.values, top)) {}
                    }
                }
                div.moments aria-hidden="true" { @for moment in &self.moments { span { (moment) } } }
            }
        }
    }

    /// What the lines show, for who does not see them.
    fn told(&self, language: Language) -> String {
        let told = self.lines.iter().filter_map(|line| {
            let known = || line.values.iter().flatten().copied();
            let write = |value| (self.write)(language, value);
            let (least, most) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
            Some(say!(
                language,
                "dash-line-told",
                name = &line.name,
                last = &write(latest(line)?),
                least = &write(least),
                most = &write(most)
            ))
        });
        told.collect::<Vec<_>>().join(" ")
    }

    fn table(&self, language: Language) -> Markup {
        let cell = |value: Option<f64>| value.map_or("–".to_owned(), |it| (self.write)(language, it));
        let label = say!(language, "dash-table-of", name = &self.title);
        html! {
            details {
                summary id={ (self.id) "-s" } aria-label=(label) { (say!(language, "dash-table")) }
                div.scroll tabindex="0" role="region" aria-label=(label) {
                    table {
                        thead {
                            tr {
                                th scope="col" { (say!(language, "dash-since")) }
                                @for line in &self.lines { th scope="col" { (line.name) } }
                            }
                        }
                        tbody {
                            @for (row, name) in self.row_names.iter().enumerate() {
                                tr {
                                    th scope="row" { (name) }
                                    @for line in &self.lines { td { (cell(line.rows.get(row).copied().flatten())) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn latest(line: &Line) -> Option<f64> {
    line.values.iter().rev().find_map(|value| *value)
}

/// The least of 1, 2, 2.5, 5 and 10 times a power of ten that is not below the value.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0].into_iter().map(|step| step * power);
    steps.into_iter().find(|step| *step >= value).unwrap_or(10.0 * power)
}

/// The path through the values that are known; a lonely one is a dash of its own.
fn trace(values: &[Option<f64>], top: f64) -> String {
    use std::fmt::Write as _;
    let mut path = String::new();
    let mut is_drawing = false;
    for (step, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let height = HEIGHT * (1.0 - value / top);
        let is_lonely = !is_drawing && values.get(step + 1).is_none_or(Option::is_none);
        let _ = write!(path, "{}{} {height:.0}", if is_drawing { 'L' } else { 'M' }, step * STEP);
        if is_lonely {
            path.push_str("h1");
        }
        is_drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_figure() {
        for (value, top) in [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (2.4, 2.5), (60.0, 100.0), (0.03, 0.05)] {
            assert!((ceiling(value) - top).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn a_line_has_gaps_where_nothing_is_known() {
        let values = [Some(0.0), Some(1.0), None, Some(0.5), None, Some(2.0)];
        assert_eq!(trace(&values, 2.0), "M0 400L4 200M12 300h1M20 0h1");
    }
}
