//! The run as a picture: what Envoy holds, by the number of requests.

use anyhow::{Context as _, anyhow};
use plotters::prelude::*;

use super::sample::Sample;

const SIZE: (u32, u32) = (900, 480);
const MEBIBYTE: f64 = 1_048_576.0;

/// Memory and file descriptors over the run, as SVG.
pub fn draw(samples: &[Sample]) -> anyhow::Result<String> {
    let last = samples.last().context("no samples")?.requests as f64;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(drawing)?;
        let (upper, lower) = area.split_vertically(300);
        chart(
            &upper,
            "MiB",
            last,
            &[
                ("resident", RED, points(samples, |it| it.resident as f64 / MEBIBYTE)),
                ("allocated by Envoy", BLUE, points(samples, |it| it.allocated as f64 / MEBIBYTE)),
                ("VMs", GREEN, points(samples, |it| it.vms as f64 / MEBIBYTE)),
            ],
        )?;
        let descriptors = points(samples, |it| it.descriptors as f64);
        chart(&lower, "descriptors", last, &[("file descriptors", BLACK, descriptors)])?;
        area.present().map_err(drawing)?;
    }
    Ok(svg)
}

type Points = Vec<(f64, f64)>;

fn points(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Points {
    samples.iter().map(|sample| (sample.requests as f64, value(sample))).collect()
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    unit: &str,
    last: f64,
    series: &[(&str, RGBColor, Points)],
) -> anyhow::Result<()> {
    let high = series.iter().flat_map(|it| &it.2).map(|point| point.1).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .set_label_area_size(LabelAreaPosition::Left, 60)
        .set_label_area_size(LabelAreaPosition::Bottom, 40)
        .build_cartesian_2d(0.0..last, 0.0..high * 1.15)
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .x_desc("requests")
        .y_desc(unit)
        .x_label_formatter(&|requests| format!("{requests:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()
        .map_err(drawing)?;
    for (name, colour, points) in series {
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
        let colour = *colour;
        let key = move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], colour);
        chart.draw_series(line).map_err(drawing)?.label(*name).legend(key);
    }
    let labels = &mut chart.configure_series_labels();
    labels.background_style(WHITE.mix(0.8)).border_style(BLACK).draw().map_err(drawing)
}

fn drawing<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}
