//! Plots of the results, as SVG.

use anyhow::{Context as _, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::results::{RatioResult, Results, ScenarioResult};
use super::scenario::{HOSTS, warm};
use super::variant::Variant;

/// A plot.
pub struct Plot {
    /// Name of its file.
    pub file: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The picture.
    pub svg: String,
}

/// All plots for which there are figures.
pub fn all(results: &Results) -> anyhow::Result<Vec<Plot>> {
    let mut plots = Vec::new();
    if let Some(svg) = ratios(&results.ratios)? {
        let about = "Every ratio with its 95 % confidence interval (blue) and its target (red)";
        plots.push(Plot { file: "ratios.svg", about, svg });
    }
    if let Some(svg) = hosts(&results.scenarios)? {
        let about = "Requests a second by the number of hosts, both axes logarithmic";
        plots.push(Plot { file: "hosts.svg", about, svg });
    }
    let about = "Processor time of Envoy for one request, in microseconds";
    plots.push(Plot { file: "cpu.svg", about, svg: cpu(&results.scenarios)? });
    Ok(plots)
}

fn colour(variant: Variant) -> RGBColor {
    match variant {
        Variant::None => RGBColor(150, 150, 150),
        Variant::Native => RGBColor(31, 119, 180),
        Variant::NativeUncached => RGBColor(148, 103, 189),
        Variant::NativeLinear => RGBColor(214, 39, 40),
        Variant::Filter => RGBColor(44, 160, 44),
        Variant::OtherModule => RGBColor(152, 223, 138),
    }
}

/// Draws on a white area of this size.
fn draw(
    size: (u32, u32),
    paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(drawing)?;
        paint(&area)?;
        area.present().map_err(drawing)?;
    }
    Ok(svg)
}

fn drawing<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// Each ratio as a row, on a logarithmic axis.
fn ratios(ratios: &[RatioResult]) -> anyhow::Result<Option<String>> {
    if ratios.is_empty() {
        return Ok(None);
    }
    let rows = i32::try_from(ratios.len())?;
    let bound = |it: &RatioResult| it.at_least.or(it.at_most);
    let values = || {
        let ends = ratios.iter().flat_map(|it| [it.ratio.low, it.ratio.high]);
        ends.chain(ratios.iter().filter_map(bound))
    };
    let low = values().fold(0.8, f64::min) * 0.9;
    let high = values().fold(1.2, f64::max) * 1.1;
    let height = u32::try_from(rows * 24 + 60)?;
    let svg = draw((1_100, height), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .set_label_area_size(LabelAreaPosition::Left, 480)
            .set_label_area_size(LabelAreaPosition::Bottom, 30)
            .build_cartesian_2d((low..high).log_scale(), (0..rows).into_segmented())
            .map_err(drawing)?;
        let label = |row: &SegmentValue<i32>| match row {
            // The first ratio stands at the top.
            SegmentValue::CenterOf(row) => usize::try_from(rows - 1 - row)
                .ok()
                .and_then(|row| ratios.get(row))
                .map(|it| it.what.clone())
                .unwrap_or_default(),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(ratios.len())
            .y_label_formatter(&label)
            .x_label_formatter(&|ratio| format!("{ratio:.2}"))
            .label_style(("sans-serif", 12))
            .draw()
            .map_err(drawing)?;
        for (row, it) in (0..rows).rev().zip(ratios) {
            let at = |value: f64| (value, SegmentValue::CenterOf(row));
            let blue = Variant::Native;
            let line = PathElement::new(
                vec![at(it.ratio.low), at(it.ratio.high)],
                colour(blue).stroke_width(3),
            );
            chart.draw_series([line]).map_err(drawing)?;
            let point = Circle::new(at(it.ratio.value), 4, colour(blue).filled());
            chart.draw_series([point]).map_err(drawing)?;
            if let Some(bound) = bound(it) {
                let mark =
                    TriangleMarker::new(at(bound), 5, colour(Variant::NativeLinear).filled());
                chart.draw_series([mark]).map_err(drawing)?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Throughput by the number of hosts.
fn hosts(scenarios: &[ScenarioResult]) -> anyhow::Result<Option<String>> {
    let points = |variant: Variant| {
        let point = |hosts: usize| {
            let scenario = scenarios.iter().find(|it| it.name == warm(hosts))?;
            let lane = scenario.lanes.iter().find(|lane| lane.variant == variant)?;
            Some((hosts as f64, lane.per_second.median))
        };
        HOSTS.into_iter().filter_map(point).collect::<Vec<_>>()
    };
    let series: Vec<_> = [Variant::Filter, Variant::Native, Variant::NativeLinear]
        .map(|variant| (variant, points(variant)))
        .into_iter()
        .filter(|(_, points)| points.len() > 1)
        .collect();
    if series.is_empty() {
        return Ok(None);
    }
    let all = || series.iter().flat_map(|(_, points)| points).map(|(_, rate)| *rate);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let svg = draw((800, 420), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .set_label_area_size(LabelAreaPosition::Left, 80)
            .set_label_area_size(LabelAreaPosition::Bottom, 45)
            .build_cartesian_2d((1.0..10_000.0).log_scale(), (low * 0.7..high * 1.5).log_scale())
            .map_err(drawing)?;
        chart
            .configure_mesh()
            .x_desc("hosts")
            .y_desc("requests a second")
            .x_label_formatter(&|hosts| format!("{hosts:.0}"))
            .y_label_formatter(&|rate| format!("{rate:.0}"))
            .draw()
            .map_err(drawing)?;
        for (variant, points) in &series {
            let colour = colour(*variant);
            chart
                .draw_series(
                    LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(4),
                )
                .map_err(drawing)?
                .label(variant.name())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()
            .map_err(drawing)
    })?;
    Ok(Some(svg))
}

/// Processor time as bars, a row for each lane. The axis ends where the second longest bar of all
/// scenarios would make the others vanish: longer bars say their length in words.
fn cpu(scenarios: &[ScenarioResult]) -> anyhow::Result<String> {
    let rows: Vec<(String, Variant, f64)> = scenarios
        .iter()
        .flat_map(|scenario| scenario.lanes.iter().map(move |lane| (scenario, lane)))
        .map(|(scenario, lane)| {
            (
                format!("{}: {}", scenario.name, lane.variant.name()),
                lane.variant,
                lane.cpu_us.median,
            )
        })
        .collect();
    let count = i32::try_from(rows.len())?;
    let of_filter = rows.iter().filter(|(_, variant, _)| *variant == Variant::Filter);
    let longest = of_filter.map(|(_, _, cpu)| *cpu).fold(1.0, f64::max) * 1.25;
    let height = u32::try_from(count * 20 + 60)?;
    draw((1_000, height), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .set_label_area_size(LabelAreaPosition::Left, 330)
            .set_label_area_size(LabelAreaPosition::Bottom, 30)
            .build_cartesian_2d(0.0..longest, (0..count).into_segmented())
            .map_err(drawing)?;
        let label = |row: &SegmentValue<i32>| match row {
            SegmentValue::CenterOf(row) => usize::try_from(count - 1 - row)
                .ok()
                .and_then(|row| rows.get(row))
                .map(|(label, _, _)| label.clone())
                .unwrap_or_default(),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(rows.len())
            .y_label_formatter(&label)
            .label_style(("sans-serif", 12))
            .draw()
            .map_err(drawing)?;
        for (row, (_, variant, cpu)) in (0..count).rev().zip(&rows) {
            let corners =
                [(0.0, SegmentValue::Exact(row)), (cpu.min(longest), SegmentValue::Exact(row + 1))];
            let mut bar = Rectangle::new(corners, colour(*variant).filled());
            bar.set_margin(3, 3, 0, 0);
            chart.draw_series([bar]).map_err(drawing)?;
            let place = (cpu.min(longest * 0.93), SegmentValue::CenterOf(row));
            let text = Text::new(format!(" {cpu:.1}"), place, ("sans-serif", 11));
            chart.draw_series([text]).map_err(drawing)?;
        }
        Ok(())
    })
    .context("the plot of processor time")
}
