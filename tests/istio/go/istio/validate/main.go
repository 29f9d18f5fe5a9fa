// Reads objects from files and has Istio's own code look at them: the validation of istiod's webhook
// on each, and every analyzer of `istioctl analyze` on all of a file together. Prints what either has
// to say, a line each, and ends with 1 where anything is wrong.
package main

import (
	"fmt"
	"os"
	"strings"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/local"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/log"
)

// What is said of every EnvoyFilter there is.
const ofEveryEnvoyFilter = "EnvoyFilter exposes internal implementation details"

func validate(text string) (validated int, wrong []string) {
	configs, others, err := crd.ParseInputs(text)
	if err != nil {
		return 0, []string{err.Error()}
	}
	for _, other := range others {
		wrong = append(wrong, fmt.Sprintf("%s %s is of no kind that Istio has", other.Kind, other.Name))
	}
	for _, config := range configs {
		schema, exists := collections.PilotGatewayAPI().FindByGroupVersionKind(config.GroupVersionKind)
		if !exists {
			continue
		}
		warning, err := schema.ValidateConfig(config)
		usual := warning != nil && strings.Contains(warning.Error(), ofEveryEnvoyFilter)
		if err != nil || warning != nil && !usual {
			wrong = append(wrong, fmt.Sprintf("%s %s: %v %v", config.GroupVersionKind.Kind, config.Name, warning, err))
		}
	}
	return len(configs), wrong
}

func analyze(name, text string) ([]string, error) {
	analyzer := local.NewSourceAnalyzer(analyzers.AllCombined(), "egress", "istio-system", nil)
	reader := local.ReaderSource{Name: name, Reader: strings.NewReader(text)}
	if err := analyzer.AddReaderKubeSource([]local.ReaderSource{reader}); err != nil {
		return nil, err
	}
	cancel := make(chan struct{})
	defer close(cancel)
	result, err := analyzer.Analyze(cancel)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, message := range result.Messages {
		usual := strings.Contains(message.String(), ofEveryEnvoyFilter)
		if !usual && message.Type.Level() != diag.Info {
			wrong = append(wrong, message.String())
		}
	}
	return wrong, nil
}

func main() {
	quiet := log.DefaultOptions()
	quiet.SetDefaultOutputLevel("all", log.NoneLevel)
	if err := log.Configure(quiet); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	objects, failed := 0, false
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		validated, wrong := validate(string(text))
		objects += validated
		analysed, err := analyze(name, string(text))
		if err != nil {
			analysed = []string{err.Error()}
		}
		for _, line := range append(wrong, analysed...) {
			failed = true
			fmt.Printf("%s: %s\n", name, line)
		}
	}
	fmt.Printf("%d objects\n", objects)
	if failed {
		os.Exit(1)
	}
}
