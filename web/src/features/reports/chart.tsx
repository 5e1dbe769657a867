import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useEffectEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import { type ChartData, colourOf } from "./chart-data.ts";

use([BarChart, GridComponent, TooltipComponent, SVGRenderer]);

interface ChartProps {
  data: ChartData;
  label: string;
  /** Somebody pressed what stands for this point of this series. */
  onPress: (series: number, point: number) => void;
}

/** A drawing of numbers that the table beside it has, too. Colours are the page's own, so they follow its theme. */
export default function Chart({ data, label, onPress }: ChartProps) {
  const { i18n } = useTranslation("reports");
  const box = useRef<HTMLDivElement>(null);
  const press = useEffectEvent(onPress);
  useEffect(() => {
    if (box.current === null) {
      return undefined;
    }
    const element = box.current;
    const chart = init(element, null, { renderer: "svg" });
    chart.on("click", ({ seriesIndex, dataIndex }) => press(seriesIndex ?? 0, dataIndex));
    chart.setOption(options(data, i18n.language, getComputedStyle(element).fontFamily));
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.dispose();
    };
  }, [data, i18n.language]);
  // Left to right, or the library puts its texts outside of the drawing; in Arabic the axis itself is turned around.
  return <div ref={box} dir="ltr" role="img" aria-label={label} className="h-64 w-full" />;
}

const FAINT = "var(--color-ink-faint)";
const LINE = "var(--color-line)";

function options(data: ChartData, locale: string, fontFamily: string): EChartsCoreOption {
  const number = new Intl.NumberFormat(locale);
  const isTurned = document.documentElement.dir === "rtl";
  const text = { color: FAINT, fontFamily, fontSize: 12 };
  return {
    animation: false,
    textStyle: { fontFamily },
    // At the sides there is room for half of a day's name: Arabic's months are long.
    grid: { left: 20, right: 20, top: 16, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: {
      trigger: "axis",
      // Drawn, not written as HTML: names come from people.
      renderMode: "richText",
      axisPointer: { type: "shadow", shadowStyle: { color: "var(--color-hover)", opacity: 0.6 } },
      backgroundColor: "var(--color-raised)",
      borderColor: LINE,
      textStyle: { color: "var(--color-ink)", fontFamily, fontSize: 13 },
      valueFormatter: (value: unknown) => number.format(Number(value)),
    },
    xAxis: {
      type: "category",
      data: data.points,
      inverse: isTurned,
      axisLabel: { ...text, hideOverlap: true, margin: 14 },
      axisLine: { lineStyle: { color: LINE } },
      axisTick: { show: false },
    },
    yAxis: {
      type: "value",
      position: isTurned ? "right" : "left",
      minInterval: 1,
      axisLabel: { ...text, formatter: (value: number) => number.format(value) },
      splitLine: { lineStyle: { color: LINE } },
    },
    series: data.series.map((series, place) => ({
      name: series.name,
      data: series.values,
      itemStyle: { color: colourOf(place) },
      emphasis: { disabled: true },
      type: "bar",
      stack: "all",
      barMaxWidth: 32,
    })),
  };
}
