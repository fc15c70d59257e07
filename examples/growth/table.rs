//! The table of ratios.

/// What is aimed at.
#[derive(Clone, Copy)]
pub enum Target {
    None,
    /// For the ratio of after to before.
    Ratio(Bound),
    /// For after itself.
    After(Bound),
}

#[derive(Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Bound {
    fn holds(self, number: f64) -> bool {
        match self {
            Bound::AtLeast(least) => number >= least,
            Bound::AtMost(most) => number <= most,
            Bound::Below(limit) => number < limit,
        }
    }

    fn text(self) -> String {
        match self {
            Bound::AtLeast(least) => format!("≥ {least}"),
            Bound::AtMost(most) => format!("≤ {most}"),
            Bound::Below(limit) => format!("< {limit}"),
        }
    }
}

/// Rows in the order in which they came.
#[derive(Default)]
pub struct Table(Vec<String>);

impl Table {
    /// Adds a row. A side that was not measured has no figure.
    pub fn row(&mut self, work: &str, sides: [Option<f64>; 2], digits: usize, target: Target) {
        let ratio = match sides {
            [Some(before), Some(after)] => Some(after / before),
            _ => None,
        };
        let [before, after] =
            sides.map(|side| side.map_or("not measured".to_owned(), |number| format!("{number:.digits$}")));
        let (aim, number) = match target {
            Target::None => (String::new(), None),
            Target::Ratio(bound) => (format!("ratio {}", bound.text()), ratio.map(|ratio| bound.holds(ratio))),
            Target::After(bound) => (bound.text(), sides[1].map(|after| bound.holds(after))),
        };
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.3}"));
        let met = number.map_or("", |met| if met { "yes" } else { "NO" });
        self.0.push(format!("| {work} | {before} | {after} | {ratio} | {aim} | {met} |"));
    }

    pub fn print(&self) {
        println!("\n| work | before | after | ratio | target | met |\n|---|---|---|---|---|---|");
        self.0.iter().for_each(|row| println!("{row}"));
    }
}
