// This file counts, for Prometheus.

package node

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// A meter is what a node counts, beside what boxo's gateway counts of itself.
type meter struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func (n *Node) newMeter() meter {
	m := meter{
		prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rosser_http_requests_total", Help: "Requests to the API, by route and status."}, []string{"route", "status"}),
		prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "rosser_http_seconds", Help: "Time to answer a request to the API, by route.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10)}, []string{"route"}),
	}
	n.metrics.MustRegister(m.requests, m.seconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rosser_peers", Help: "Peers that are connected."}, func() float64 { return float64(len(n.host.Network().Peers())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rosser_tasks", Help: "Tasks that run or wait."}, func() float64 { return float64(n.workers.count()) }),
	)
	return m
}

// count is how many tasks run or wait.
func (w *workers) count() int {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.jobs)
}

// counted counts the requests to mux.
func (n *Node) counted(mux *http.ServeMux) http.Handler {
	m := n.newMeter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, route := mux.Handler(r)
		label := cmp.Or(route, "none")
		timer := prometheus.NewTimer(m.seconds.WithLabelValues(label))
		to := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		dispatch(mux, route, to, r)
		timer.ObserveDuration()
		m.requests.WithLabelValues(label, strconv.Itoa(to.status)).Inc()
	})
}

// A statusWriter knows the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
